//! `masp demo`: a run with embedded defaults, from drawing the dataset to the figures.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::json;

use super::args::DemoArgs;
use super::eval::note;
use super::failure::Failure;
use super::json::write_line;
use super::output::Output;
use super::phases::evaluate_with_phases;
use super::say::say;
use super::show_run::next_command;
use super::train::execute;
use crate::config::{self, Record, Settings};
use crate::data::View;
use crate::data::synth::{Info, Options};
use crate::engine::inference::{Rationales, TrainedParts, study_aspects};
use crate::engine::{DeviceChoice, Outcome, TrainJob};
use crate::export::Source;
use crate::printable::printable;
use crate::session::{Checkpoints, Evaluated, Selector, SessionFolder, Stage, keep_evaluation, now};

/// The document of `demo --json`.
#[derive(Debug, Serialize)]
struct Figures {
    /// The highest accuracy that a model can reach: the share of test images whose label was not changed by noise.
    best_possible: f64,
    frozen: f64,
    prompt_only: f64,
    masp: f64,
    /// The share of right answers to each aspect's own question.
    aspects: IndexMap<View, f64>,
    pointing: IndexMap<View, f64>,
    random_pointing: IndexMap<View, f64>,
    rationales: Rationales,
    /// The time for dataset, both stages and evaluation, without the ablations.
    seconds: f64,
}

/// Runs the command.
///
/// # Errors
/// Where the dataset or the sessions cannot be written, or the run fails.
pub fn run(args: &DemoArgs) -> Result<ExitCode, Failure> {
    let begin = Instant::now();
    let mut sources = args.sources();
    sources.record = Some(preset());
    let loaded = config::load(sources)?;
    let mut settings = loaded.settings;
    let data = settings
        .data
        .root
        .clone()
        .unwrap_or_else(|| PathBuf::from("data/drawn"));
    settings.data.root = Some(data.clone());
    let device: DeviceChoice = args.model.device;
    let headless = args.headless || args.json;
    let output = if headless { Output::Headless } else { Output::best() };
    let run = |name: &str, stages: &[Stage], settings: &Settings| {
        let job = TrainJob {
            draw: Some(Options::default()),
            notices: loaded.notices.clone(),
            attended: output == Output::Screen,
            // Without a screen, the demo evaluates the test images itself, below.
            test: output == Output::Screen,
            ..TrainJob::new(settings.clone(), stages.to_vec(), session(settings, name)?, device)
        };
        let folder = job.folder.clone();
        let outcome = execute(job, output)?;
        match outcome {
            Outcome::Done if output == Output::Screen => say(what_next(&folder, begin.elapsed().as_secs())),
            Outcome::Stopped => say(next_command(outcome, stages, &folder)),
            Outcome::Done => {}
        }
        Ok::<_, Failure>((outcome == Outcome::Done).then_some(folder))
    };
    let masp = run("demo", &[Stage::Aspects, Stage::Prompt], &settings)?;
    let Some(masp) = masp.filter(|_| output == Output::Headless) else {
        return Ok(ExitCode::SUCCESS);
    };
    let info = Info::read(&data).ok_or_else(|| {
        Failure::failed(format!(
            "{} does not hold a drawn dataset; name an empty folder with --set data.root=DIR",
            shown(&data)
        ))
    })?;
    let evaluated = |settings: &Settings, parts: &TrainedParts| evaluate_with_phases(settings, device, parts, "test");
    let parts = parts(&masp)?;
    let of_masp = evaluated(&settings, &parts)?;
    let seconds = begin.elapsed().as_secs_f64();
    let study = study_aspects(&settings, device, &parts, info.synth.recipe.options.size)?;

    // The ablations: the same seed, data and steps without the aspects' tokens, and the base model alone.
    let mut without = settings.clone();
    without.aspects.views.clear();
    let Some(alone) = run("demo-prompt-only", &[Stage::Prompt], &without)? else {
        return Ok(ExitCode::SUCCESS);
    };
    let prompt_alone = TrainedParts {
        aspects: None,
        ..self::parts(&alone)?
    };
    let of_prompt_only = evaluated(&without, &prompt_alone)?;
    without.prompt.tokens = 0;
    let frozen = evaluated(&without, &TrainedParts::default())?;
    for (folder, own) in [(&masp, &of_masp), (&alone, &of_prompt_only)] {
        let file = Checkpoints::read(folder)?.find(Selector::Last, Some(Stage::Prompt))?;
        let (stage, step) = (file.stage, file.step);
        // The Train screen marks the frozen model's figures in the bars of both sessions.
        for (evaluated, seen) in [
            (Evaluated::Frozen, &frozen),
            (Evaluated::Checkpoint { stage, step }, own),
        ] {
            let note = note(evaluated, None, seen);
            if let Err(error) = keep_evaluation(folder, &note, &seen.metrics, &seen.results, now()) {
                say(format_args!("warning: the evaluation was not kept: {error}"));
            }
        }
    }

    let figures = Figures {
        best_possible: info.synth.best_possible.test,
        frozen: frozen.metrics.accuracy,
        prompt_only: of_prompt_only.metrics.accuracy,
        masp: of_masp.metrics.accuracy,
        aspects: study.answers,
        pointing: study.pointing.hits,
        random_pointing: study.pointing.random,
        rationales: study.rationales,
        seconds,
    };
    let mut out = std::io::stdout().lock();
    if args.json {
        write_line(&mut out, &figures)?;
    } else {
        print(&mut out, &figures, &masp)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The message after a demo on the screen.
fn what_next(folder: &SessionFolder, seconds: u64) -> String {
    let name = printable(folder.name());
    format!(
        "{name} is done, in {seconds} s. Try next:\n  \
         masp replay {name} --speed 0.25   watch it again, at a quarter of its pace\n  \
         masp                            all runs: enter opens one, 2 shows its predictions, ? lists the keys\n  \
         masp eval {name}                  its figures on the test images"
    )
}

/// The demo's settings, which config file and flags override.
fn preset() -> Record {
    let settings = json!({
        "train": {
            "batch_size": 32,
            "lr_scheduler_type": "cosine",
            "warmup_ratio": 0.05,
            "weight_decay": 0.0,
            "gradient_checkpointing": false,
            "aspects": { "learning_rate": 3e-3, "max_steps": 120 },
            "prompt": { "learning_rate": 3e-2, "max_steps": 120 },
        },
        "test": { "batch_size": 32, "max_new_tokens": 4 },
        "eval": { "every_steps": 60, "max_samples": 96, "panel": 4 },
        "checkpoint": { "every_steps": 60 },
        "aspects": { "initial": "identity" },
    });
    Record {
        name: "the demo's preset".to_owned(),
        settings,
    }
}

/// A new session `name`, `name-2`, ...
fn session(settings: &Settings, name: &str) -> Result<SessionFolder, Failure> {
    let root = &settings.session.root;
    let free = (1..u32::MAX)
        .map(|i| if i == 1 { name.to_owned() } else { format!("{name}-{i}") })
        .find(|name| !root.join(name).exists());
    Ok(SessionFolder::create(root, &free.unwrap_or_default())?)
}

fn parts(folder: &SessionFolder) -> Result<TrainedParts, Failure> {
    let checkpoints = Checkpoints::read(folder)?;
    let path = |stage| checkpoints.find(Selector::Last, Some(stage)).ok().map(|file| file.path);
    Ok(TrainedParts {
        aspects: path(Stage::Aspects),
        prompt: path(Stage::Prompt),
        classes: None,
    })
}

fn print(out: &mut impl Write, figures: &Figures, folder: &SessionFolder) -> std::io::Result<()> {
    let share = |name: &str, share: f64| format!("  {name:<24} {:5.1} %", 100.0 * share);
    writeln!(out, "accuracy on the test images")?;
    for (name, accuracy) in [
        ("frozen model", figures.frozen),
        ("prompt without aspects", figures.prompt_only),
        ("MASP", figures.masp),
        ("best possible", figures.best_possible),
    ] {
        writeln!(out, "{}", share(name, accuracy))?;
    }
    writeln!(out, "answers to the aspects' own questions")?;
    for (view, right) in &figures.aspects {
        writeln!(out, "{}", share(view.name(), *right))?;
    }
    writeln!(out, "heatmap peaks in the box (random map)")?;
    for (view, hits) in &figures.pointing {
        let random = figures.random_pointing.get(view).copied().unwrap_or_default();
        writeln!(out, "{} ({:.1} %)", share(view.name(), *hits), 100.0 * random)?;
    }
    writeln!(out, "rationales of the test images")?;
    let read = figures.rationales;
    let of_all = |count: usize| count as f64 / read.asked.max(1) as f64;
    for (name, count) in [
        ("in whole words", read.whole_words),
        ("for predicted emotion", read.same_emotion),
        ("both", read.sound),
    ] {
        writeln!(out, "{}", share(name, of_all(count)))?;
    }
    rationales(out, folder)?;
    writeln!(
        out,
        "{:.0} s without the ablations; the session is {}",
        figures.seconds,
        shown(folder.path())
    )
}

/// Prints the rationales for the panel's images.
fn rationales(out: &mut impl Write, folder: &SessionFolder) -> std::io::Result<()> {
    let source = Source::read(folder).map_err(std::io::Error::other)?;
    let looks = source.state.panel.values().filter_map(|looks| looks.last());
    writeln!(out, "rationales of the panel's images")?;
    for look in looks {
        // If an image's file is missing, leave its line out.
        if let Ok(prediction) = source.prediction(look) {
            let (gold, predicted) = (printable(&look.gold), printable(&look.prediction));
            let name = look.image.rsplit('/').next().unwrap_or_default();
            writeln!(
                out,
                "  {}  {gold}, predicted {predicted}: {}",
                printable(name),
                printable(&prediction.rationale)
            )?;
        }
    }
    Ok(())
}

fn shown(path: &Path) -> String {
    printable(&path.display().to_string()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    #[test]
    fn the_preset_uses_existing_settings() {
        let sources = Sources {
            record: Some(preset()),
            config: config::ConfigFile::None,
            ..Sources::default()
        };
        let settings = config::load(sources).map(|loaded| loaded.settings);
        assert_eq!(settings.map(|s| s.train.stage(Stage::Prompt).batch_size).ok(), Some(32));
    }
}
