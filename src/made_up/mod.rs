//! A made-up run for the tests and for `examples/train_screen.rs`: records like those of the engine, and the files that
//! they name.

#[cfg(test)]
pub mod evaluated;

use std::{fs, io, path::Path};

use super::masp::{
    data::{View, classes::MIKELS},
    session::{
        AspectSeen, ClassMetrics, Ended, Evaluation, Event, Log, Metrics, Phase, Prediction, Progress, Record,
        SampleSeen, SavedCheckpoint, SessionStart, Stage, Step, Warning,
    },
};

pub const CLASSES: [&str; 8] = MIKELS;
/// Images in the panel.
const PANEL: usize = 6;
/// Evaluations per stage.
const EVALUATIONS: u64 = 6;
/// Merged patches per side of the attention maps.
const GRID: usize = 8;

/// One step of a run at 8 samples a second.
#[cfg(test)]
pub const fn step(stage: Stage, step: u64, loss: f64) -> Step {
    Step {
        stage,
        step,
        epoch: 0.0,
        loss,
        lr: 2e-4,
        grad_norm: 1.0,
        samples_per_s: 8.0,
        cache_hits: None,
    }
}

/// The whole run: loading, both stages of `steps` steps, the end, with a second between two records.
pub fn records(steps: u64) -> Vec<Record> {
    let mut events = vec![Event::Session(Box::new(session(steps)))];
    for (name, total) in [
        ("loading weights", 7),
        ("reading the dataset", 0),
        ("vision features", 640),
    ] {
        events.push(phase(name, None));
        events.extend((1..=total.min(4)).map(|n| progress(name, total * n / total.min(4), total)));
    }
    events.push(Event::Warning(Warning {
        text: "2 images cannot be read and were left out".to_owned(),
        step: None,
    }));
    for stage in [Stage::Aspects, Stage::Prompt] {
        stage_events(stage, steps, &mut events);
    }
    events.push(Event::Ended(Ended {
        reason: "done".to_owned(),
    }));
    (0..)
        .zip(events)
        .map(|(seq, event)| Record {
            seq,
            time: 1.7e9 + seq as f64,
            event,
        })
        .collect()
}

/// The files that the records of [`records`] name.
///
/// # Errors
/// Where a file cannot be written.
pub fn write_samples(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder.join("samples"))?;
    for slot in 0..PANEL {
        picture(slot)
            .save(folder.join(thumbnail(slot)))
            .map_err(io::Error::other)?;
        for stage in [Stage::Aspects, Stage::Prompt] {
            for look in 1..=EVALUATIONS {
                fs::write(
                    folder.join(file(stage, look, slot)),
                    serde_json::to_vec(&prediction(stage, look, slot))?,
                )?;
            }
        }
    }
    Ok(())
}

fn session(steps: u64) -> SessionStart {
    SessionStart {
        format: 1,
        program: "0.1.0".to_owned(),
        name: "made-up".to_owned(),
        settings: serde_json::Value::Null,
        model: "assets/tiny".to_owned(),
        data: "data/drawn".to_owned(),
        drawn: None,
        dataname: "EmoSet".to_owned(),
        classes: CLASSES.map(str::to_owned).to_vec(),
        splits: [2000, 256, 512],
        device: "cpu".to_owned(),
        views: View::ALL.to_vec(),
        plan: vec![(Stage::Aspects, steps), (Stage::Prompt, steps)],
    }
}

fn stage_events(stage: Stage, steps: u64, events: &mut Vec<Event>) {
    let name = if stage == Stage::Aspects {
        "training the aspects"
    } else {
        "training the prompt"
    };
    events.push(phase("first batch", Some(stage)));
    events.push(phase(name, Some(stage)));
    for step in 1..=steps {
        let done = step as f64 / steps as f64;
        let spike = if step == steps * 2 / 5 { 0.9 } else { 0.0 };
        let base = if stage == Stage::Aspects { 2.9 } else { 1.9 };
        let loss = base * (-3.0 * done).exp() + 0.42 + spike + 0.22 * noise(step, 1) * (1.2 - done);
        events.push(Event::Step(Step {
            stage,
            step,
            epoch: done * 3.0,
            loss,
            lr: 1e-4 * (1.0 - done),
            grad_norm: 0.6 + 0.3 * noise(step, 2).abs() + spike,
            samples_per_s: 48.0 + 6.0 * noise(step, 3),
            cache_hits: Some(if done < 1.0 / 3.0 { 0.83 } else { 1.0 }),
        }));
        if spike > 0.0 {
            events.push(Event::Warning(Warning {
                text: "the loss jumped to twice its mean".to_owned(),
                step: Some(step),
            }));
        }
        if step % 20 == 0 {
            events.push(progress(name, step, steps));
        }
        if step % (steps / EVALUATIONS) == 0 {
            evaluation_events(stage, step, step / (steps / EVALUATIONS), events);
        }
    }
}

/// An evaluation, a look at each image of the panel, a checkpoint.
fn evaluation_events(stage: Stage, step: u64, look: u64, events: &mut Vec<Event>) {
    events.push(phase("evaluating", Some(stage)));
    events.push(progress("evaluating", 128, 256));
    events.extend((0..PANEL).map(|slot| {
        Event::Sample(Box::new(SampleSeen {
            stage,
            step,
            slot,
            image: format!("image/{0}/{0}_{1:05}.png", CLASSES[slot], slot * 37 + 12),
            gold: CLASSES[slot].to_owned(),
            prediction: said(look, slot).to_owned(),
            file: file(stage, look, slot).into(),
            thumbnail: thumbnail(slot).into(),
        }))
    }));
    events.push(Event::Evaluation(Box::new(evaluation(stage, step, look))));
    events.push(Event::Checkpoint(SavedCheckpoint {
        stage,
        step,
        file: format!("checkpoints/{step}").into(),
        best: look.is_multiple_of(2),
    }));
    events.push(Event::Log(Log::new(format!("panel of {PANEL} images looked at"))));
    events.push(phase("training", Some(stage)));
}

fn evaluation(stage: Stage, step: u64, look: u64) -> Evaluation {
    let learnt = look as f64 / EVALUATIONS as f64;
    let share = |n: usize| (0.25 + 0.55 * learnt + 0.15 * noise(look * 8 + n as u64, 4)).clamp(0.0, 1.0);
    let class = |n: usize| ClassMetrics {
        recall: share(n),
        precision: share(n),
        f1: share(n),
        support: 28 + n * 3,
    };
    let per_class = CLASSES
        .iter()
        .enumerate()
        .map(|(n, label)| ((*label).to_owned(), class(n)))
        .collect();
    let mut metrics = Metrics {
        split: "val".to_owned(),
        samples: 256,
        ..Metrics::default()
    };
    let aspects = if stage == Stage::Aspects {
        View::ALL
            .iter()
            .enumerate()
            .map(|(n, view)| (*view, share(n)))
            .collect()
    } else {
        metrics = Metrics {
            accuracy: 0.25 + 0.55 * learnt,
            macro_f1: 0.24 + 0.55 * learnt,
            ece: 0.11 - 0.05 * learnt,
            per_class,
            ..metrics
        };
        Vec::new()
    };
    Evaluation {
        stage,
        step,
        loss: 0.55 + 1.9 * (-2.6 * learnt).exp(),
        aspect_accuracy: aspects,
        metrics,
        predictions: None,
    }
}

pub fn prediction(stage: Stage, look: u64, slot: usize) -> Prediction {
    let sharp = 0.6 + look as f64 * 0.45;
    let weights: Vec<f64> = (0..CLASSES.len())
        .map(|n| {
            if CLASSES[n] == said(look, slot) {
                sharp.exp()
            } else {
                (noise((n + slot) as u64, 5) * 0.8).exp()
            }
        })
        .collect();
    let sum: f64 = weights.iter().sum();
    let shares = || {
        CLASSES
            .iter()
            .zip(&weights)
            .map(|(label, weight)| ((*label).to_owned(), weight / sum))
    };
    let answers = [
        "happy",
        "balloon, dog, tree",
        "meadow_by_the_sea",
        "running",
        "very high",
        "high",
    ];
    Prediction {
        image: format!("image {slot}"),
        prediction: said(look, slot).to_owned(),
        probabilities: shares().collect(),
        log_likelihoods: shares().map(|(label, share)| (label, share.ln())).collect(),
        generated: said(look, slot).to_owned(),
        rationale: format!(
            "The person smiles and runs over a bright meadow towards a red balloon; the sky is clear and the colours are \
             strong. At look {look} of stage {stage:?} all of that speaks for {}.",
            said(look, slot)
        ),
        aspects: View::ALL
            .iter()
            .zip(answers)
            .enumerate()
            .map(|(n, (view, text))| {
                (
                    *view,
                    AspectSeen {
                        grid: [GRID, GRID],
                        attention: attention(n, look, slot),
                        text: text.to_owned(),
                    },
                )
            })
            .collect(),
    }
}

/// The predicted class: right from a later look on, except for one image.
fn said(look: u64, slot: usize) -> &'static str {
    let wrong = slot == 4 || look < 2 + slot as u64 % 3;
    CLASSES[if wrong { (slot + 2) % CLASSES.len() } else { slot }]
}

/// Five queries that attend to about the same place, more narrowly with each look.
fn attention(aspect: usize, look: u64, slot: usize) -> Vec<Vec<f32>> {
    let (x, y) = [(2.0, 2.6), (5.4, 1.6), (3.5, 5.4), (2.1, 4.2), (6.4, 0.8), (3.5, 3.5)][aspect];
    let spread = 4.5 - 0.5 * look as f32 + if aspect == 5 { 2.5 } else { 0.0 };
    (0..5)
        .map(|query| {
            let (x, y) = (
                x + 0.3 * noise(query + slot as u64, 6) as f32,
                y + 0.3 * noise(query, 7) as f32,
            );
            let near = |cell: usize| {
                let (dx, dy) = ((cell % GRID) as f32 - x, (cell / GRID) as f32 - y);
                (-(dx * dx + dy * dy) / (2.0 * spread)).exp() + 1e-3
            };
            let sum: f32 = (0..GRID * GRID).map(near).sum();
            (0..GRID * GRID).map(|cell| near(cell) / sum).collect()
        })
        .collect()
}

/// Sky, sun, meadow, a person and a balloon.
pub fn picture(slot: usize) -> image::RgbImage {
    let hue = |n: usize| (slot * 47 + n * 31) as f32 % 90.0;
    image::RgbImage::from_fn(112, 112, |px, py| {
        let (x, y) = (px as f32 / 112.0, py as f32 / 112.0);
        let disc = |cx: f32, cy: f32, r: f32| (x - cx).powi(2) + (y - cy).powi(2) < r * r;
        let color = if disc(0.28, 0.34, 0.075) {
            [236.0, 190.0, 150.0]
        } else if (x - 0.28).abs() < 0.055 && (0.41..0.64).contains(&y) {
            [60.0 + hue(1), 70.0, 170.0]
        } else if ((x - 0.255).abs() < 0.018 || (x - 0.31).abs() < 0.018) && (0.64..0.82).contains(&y) {
            [50.0, 45.0, 60.0]
        } else if disc(0.7, 0.24, 0.1) {
            [220.0, 50.0 + hue(2), 60.0]
        } else if (x - 0.7).abs() < 0.008 && (0.34..0.6).contains(&y) {
            [90.0, 80.0, 80.0]
        } else if disc(0.9, 0.1, 0.06) {
            [250.0, 230.0, 120.0]
        } else if y > 0.62 + 0.04 * (x * 7.0 + slot as f32).sin() {
            [60.0 + 30.0 * y, 150.0 - 60.0 * (y - 0.6), 60.0]
        } else {
            [110.0 + hue(3) + 60.0 * y, 170.0 + 40.0 * y, 235.0]
        };
        image::Rgb(color.map(|part| part.clamp(0.0, 255.0) as u8))
    })
}

fn file(stage: Stage, look: u64, slot: usize) -> String {
    format!("samples/{stage:?}-{look}-{slot}.json").to_lowercase()
}

fn thumbnail(slot: usize) -> String {
    format!("samples/{slot}.png")
}

fn phase(name: &str, stage: Option<Stage>) -> Event {
    Event::Phase(Phase {
        name: name.to_owned(),
        stage,
    })
}

fn progress(phase: &str, done: u64, total: u64) -> Event {
    Event::Progress(Progress {
        phase: phase.to_owned(),
        done,
        total,
        memory: Some(1_213_000_000),
    })
}

/// Deterministic noise in `[-1, 1]`.
pub fn noise(n: u64, of: u64) -> f64 {
    let mut x = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ of.wrapping_mul(0xD1B5_4A32_D192_ED03);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}
