//! Metrics on a split: all labels are scored in one pass, and the greedy answer is generated as well.

use std::time::Instant;

use candle_core::{D, Tensor};

use super::error::EngineError;
use super::features::{FeatureStore, Features};
use super::generate::{Decoding, generate};
use super::items::Item;
use super::learner::Learner;
use super::memory::BatchLimit;
use crate::aspects::{Batch, PromptRows, Sequence, VisualRows, Visuals};
use crate::data::{Sample, View};
use crate::metrics::{Scored, Speed, predicted, summarise};
use crate::nn::loss;
use crate::session::{ImageResult, Metrics, Prediction};
use crate::vlm::decoder::Vocabulary;

/// Seconds spent, vision included in both.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock {
    scoring: f64,
    generating: f64,
}

impl Clock {
    fn speed(self, images: usize) -> Speed {
        Speed {
            images_per_s: images as f64 / self.scoring,
            generated_images_per_s: images as f64 / self.generating,
        }
    }
}

/// Refuses a judgement whose log-likelihoods or probabilities are not finite.
///
/// # Errors
/// [`EngineError::NotFinite`], which names `image`.
pub fn check_finite(learner: &Learner, image: &str, judged: &Judged) -> Result<(), EngineError> {
    let numbers = judged.log_likelihoods.iter().chain(&judged.probabilities);
    if numbers.into_iter().all(|value| value.is_finite()) {
        return Ok(());
    }
    let precision = match learner.base.dtype {
        candle_core::DType::F16 => "; f16 has no numbers above 65,504, so try --set model.dtype=bf16 or f32",
        _ => "",
    };
    Err(EngineError::NotFinite(format!(
        "the model's outputs for {image} are not finite: the base model {} or the trained parameters are damaged or \
         do not match{precision}",
        learner.base.name
    )))
}

/// The model's judgement of an image's emotion.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Sum of the answer tokens' log-probabilities in nats, in the label list's order.
    pub log_likelihoods: Vec<f64>,
    /// Softmax over them.
    pub probabilities: Vec<f64>,
    /// The greedy answer, decoded without special tokens.
    pub generated: String,
    /// Mean loss over the gold answer's supervised tokens; NaN where there is no gold label.
    pub loss: f64,
}

/// An evaluation's metrics, and its result for each image.
#[derive(Debug, Clone)]
pub struct Evaluated<'a> {
    pub metrics: Metrics,
    pub loss: f64,
    pub rows: Vec<(&'a Sample, Judged)>,
}

/// Judges images with the learner's [`Learner::constant_prompt`]; `gold` holds each image's label where it is known. The tokens of views in `muted` are left out.
///
/// # Errors
/// Where the device fails.
pub fn judge(
    (learner, prompt): (&Learner, &PromptRows),
    features: &[Features],
    gold: &[Option<usize>],
    muted: &[View],
    decoding: &Decoding,
    clock: &mut Clock,
) -> Result<Vec<Judged>, EngineError> {
    let begin = Instant::now();
    let rows = learner.visual_rows_of(&features.iter().collect::<Vec<_>>(), muted)?;
    let chat = learner.emotion_chat(0);
    let (sequences, scores) = score((learner, prompt), features, &rows, muted)?;
    clock.scoring += begin.elapsed().as_secs_f64();

    let begin = Instant::now();
    let open = |f: &Features| learner.dialogue().open(&chat, learner.visual_run(f, muted));
    let open = features.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let decoding = decoding.on(features)?;
    let answers = generate(learner.base, &open, &rows, Some(prompt), learner.prompted(), &decoding)?;
    clock.generating += begin.elapsed().as_secs_f64();

    let mut judged = Vec::with_capacity(features.len());
    for (((score, gold), answer), sequence) in scores.iter().zip(gold).zip(answers).zip(&sequences) {
        let (labels, lead) = score.split_at(learner.classes.len());
        let loss = gold.map_or(f64::NAN, |gold| {
            let tokens = sequence
                .targets
                .iter()
                .filter(|t| t.answer == gold || t.answer == labels.len())
                .count();
            // `0.0 - x` rather than `-x`: for a certain answer `-x` would be -0.0.
            (0.0 - (labels[gold] + lead.iter().sum::<f64>())) / tokens as f64
        });
        judged.push(Judged {
            log_likelihoods: labels.to_vec(),
            probabilities: softmax(labels),
            generated: learner.base.text.decode(&answer)?,
            loss,
        });
    }
    Ok(judged)
}

/// The labels' probabilities alone, without a generated answer. The tokens of views in `muted` are left out.
///
/// # Errors
/// Where the device fails.
pub fn label_probabilities(
    learner: &Learner,
    features: &[Features],
    muted: &[View],
) -> Result<Vec<Vec<f64>>, EngineError> {
    let rows = learner.visual_rows_of(&features.iter().collect::<Vec<_>>(), muted)?;
    let prompt = learner.constant_prompt()?;
    let (_, scores) = score((learner, &prompt), features, &rows, muted)?;
    let labels = scores
        .iter()
        .map(|scores| scores.get(..learner.classes.len()).unwrap_or_default());
    Ok(labels.map(softmax).collect())
}

/// Asks the emotion question about each image with all labels as answers. Gives the log-likelihoods
/// `[images][labels + 1]`; the last column is that of the tokens that the family's template puts before an answer, if any.
fn score(
    (learner, prompt): (&Learner, &PromptRows),
    features: &[Features],
    rows: &[VisualRows],
    muted: &[View],
) -> Result<(Vec<Sequence>, Vec<Vec<f64>>), EngineError> {
    let chat = learner.emotion_chat(0);
    let build = |f: &Features| {
        let run = learner.visual_run(f, muted);
        learner.dialogue().scored(&chat, run, &learner.classes)
    };
    let sequences = features.iter().map(build).collect::<Result<Vec<_>, _>>()?;
    let language = &learner.base.decoder;
    let batch = Batch::splice(language, &sequences, &Visuals::Constant(rows), Some(prompt))?;
    let scores = batch.scores(language, learner.prompted())?;
    Ok((sequences, scores))
}

/// Evaluates the emotion question on `samples`, in batches of at most `room`. `left_out` gets each image that cannot be
/// read; `progress` gets the number of images done, and its error ends the evaluation.
///
/// # Errors
/// Where the device fails, and those of `progress`.
pub fn evaluate<'a>(
    learner: &Learner,
    store: &mut FeatureStore,
    samples: &[&'a Sample],
    (split, room): (&str, &mut BatchLimit),
    decoding: &Decoding,
    mut left_out: impl FnMut(&Sample, &EngineError),
    mut progress: impl FnMut(usize) -> Result<(), EngineError>,
) -> Result<Evaluated<'a>, EngineError> {
    let mut rows = Vec::with_capacity(samples.len());
    let prompt = learner.constant_prompt()?;
    let mut clock = Clock::default();
    let mut chunks = samples.chunks(room.0.max(1)).peekable();
    while let Some(chunk) = chunks.next() {
        let begin = Instant::now();
        let found = readable(store, chunk, &mut left_out)?;
        store.ahead(
            chunks
                .peek()
                .into_iter()
                .flat_map(|next| next.iter().map(|sample| sample.path.as_path())),
        );
        let vision = begin.elapsed().as_secs_f64();
        clock.scoring += vision;
        clock.generating += vision;
        room.in_parts(
            &found,
            || store.relieve(),
            |part| {
                let gold: Vec<_> = part.iter().map(|(sample, _)| Some(sample.label)).collect();
                let features: Vec<_> = part.iter().map(|(_, features)| features.clone()).collect();
                let judged = judge((learner, &prompt), &features, &gold, &[], decoding, &mut clock)?;
                rows.extend(part.iter().map(|(sample, _)| *sample).zip(judged));
                Ok(())
            },
        )?;
        progress(rows.len())?;
    }
    let scored: Vec<Scored> = rows
        .iter()
        .map(|(sample, judged)| Scored {
            gold: sample.label,
            probabilities: &judged.probabilities,
            generated: &judged.generated,
        })
        .collect();
    let metrics = summarise(&learner.classes, &scored, split, clock.speed(scored.len()));
    let loss = mean(rows.iter().map(|(_, judged)| judged.loss));
    Ok(Evaluated { metrics, loss, rows })
}

/// Stage 1's validation: the mean loss over all supervised tokens, and for each view the share of right answers. An answer
/// is right if each of its tokens is the most likely one, so that greedy decoding would give it.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_aspects<'i>(
    learner: &Learner,
    store: &mut FeatureStore,
    items: &'i [Item<'_>],
    room: &mut BatchLimit,
    mut left_out: impl FnMut(&Sample, &EngineError),
    mut progress: impl FnMut(usize) -> Result<(), EngineError>,
) -> Result<(f64, Vec<(View, f64)>), EngineError> {
    let language = &learner.base.decoder;
    let mut right: indexmap::IndexMap<View, (usize, usize)> =
        learner.views().into_iter().map(|view| (view, (0, 0))).collect();
    let (mut loss, mut tokens, mut done) = (0.0, 0, 0);
    let path = |item: &'i Item| item.sample.path.as_path();
    let mut chunks = items.chunks(room.0.max(1)).peekable();
    while let Some(chunk) = chunks.next() {
        let mut asked = Vec::with_capacity(chunk.len());
        let paths: Vec<_> = chunk.iter().map(path).collect();
        let found = store.get(&paths)?;
        store.ahead(chunks.peek().into_iter().flat_map(|next| next.iter().map(path)));
        for (item, features) in chunk.iter().zip(found) {
            match (item.view, features) {
                (Some(view), Ok(features)) => asked.push((view, item, features)),
                (_, Err(error)) => left_out(item.sample, &error),
                (None, Ok(_)) => {}
            }
        }
        room.in_parts(
            &asked,
            || store.relieve(),
            |part| {
                let (mut sequences, mut z) = (Vec::new(), Vec::new());
                for (view, item, features) in part {
                    sequences.push(learner.aspect_sample(*view, 0, &item.answer)?);
                    z.push(VisualRows::from(learner.z(*view, features)?.detach()));
                }
                let spliced = Batch::splice(language, &sequences, &Visuals::Constant(&z), None)?;
                let logits = spliced.logits(language, Vocabulary::Full, false)?;
                let of_part = loss::cross_entropy_sum(&logits, &spliced.tokens)?
                    .to_dtype(candle_core::DType::F32)?
                    .to_scalar::<f32>()?;
                for ((view, ..), right_here) in part.iter().zip(all_right(&logits, &spliced, &sequences)?) {
                    if let Some((hits, all)) = right.get_mut(view) {
                        *hits += usize::from(right_here);
                        *all += 1;
                    }
                }
                tokens += spliced.owners.len();
                loss += f64::from(of_part);
                Ok(())
            },
        )?;
        done += chunk.len();
        progress(done)?;
    }
    let share = |(view, (hits, all)): (View, (usize, usize))| (all > 0).then(|| (view, hits as f64 / all as f64));
    Ok((
        if tokens == 0 { f64::NAN } else { loss / tokens as f64 },
        right.into_iter().filter_map(share).collect(),
    ))
}

/// Per sequence, whether each answer token is the most likely one.
fn all_right(logits: &Tensor, batch: &Batch, sequences: &[Sequence]) -> Result<Vec<bool>, EngineError> {
    let best = logits.argmax(D::Minus1)?.to_vec1::<u32>()?;
    let wanted = batch.tokens.to_vec1::<u32>()?;
    let mut right = vec![true; sequences.len()];
    for ((best, wanted), (sequence, _)) in best.iter().zip(&wanted).zip(&batch.owners) {
        right[*sequence] &= best == wanted;
    }
    Ok(right)
}

fn readable<'a>(
    store: &mut FeatureStore,
    samples: &[&'a Sample],
    left_out: &mut impl FnMut(&Sample, &EngineError),
) -> Result<Vec<(&'a Sample, Features)>, EngineError> {
    let paths: Vec<_> = samples.iter().map(|sample| sample.path.as_path()).collect();
    let mut found = Vec::with_capacity(samples.len());
    for (sample, features) in samples.iter().zip(store.get(&paths)?) {
        match features {
            Ok(features) => found.push((*sample, features)),
            Err(error) => left_out(sample, &error),
        }
    }
    Ok(found)
}

/// `predict --json` without the aspects, which are computed on demand.
#[must_use]
pub fn prediction(learner: &Learner, image: String, judged: &Judged) -> Prediction {
    let by_label = |values: &[f64]| learner.classes.iter().cloned().zip(values.iter().copied()).collect();
    Prediction {
        image,
        prediction: predicted(&judged.probabilities)
            .and_then(|label| learner.classes.get(label).cloned())
            .unwrap_or_default(),
        probabilities: by_label(&judged.probabilities),
        log_likelihoods: by_label(&judged.log_likelihoods),
        generated: judged.generated.clone(),
        rationale: String::new(),
        aspects: indexmap::IndexMap::new(),
    }
}

/// A line of an evaluation's predictions.
#[must_use]
pub fn result(learner: &Learner, sample: &Sample, judged: &Judged) -> ImageResult {
    let said = View::ALL
        .into_iter()
        .filter_map(|view| Some((view, sample.annotation.text(view)?)));
    ImageResult {
        prediction: prediction(learner, sample.id.clone(), judged),
        gold: learner.classes.get(sample.label).cloned().unwrap_or_default(),
        loss: judged.loss,
        annotation: said.collect(),
    }
}

fn softmax(scores: &[f64]) -> Vec<f64> {
    let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = scores.iter().map(|score| (score - max).exp()).collect();
    let total: f64 = powers.iter().sum();
    powers.iter().map(|power| power / total).collect()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_u64), |(sum, count), value| (sum + value, count + 1));
    if count == 0 { f64::NAN } else { sum / count as f64 }
}
