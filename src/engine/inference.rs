//! Evaluation and prediction with a trained model, outside a run.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::device::{self, DeviceChoice};
use super::error::EngineError;
use super::evaluator::{check_finite, evaluate, evaluate_aspects, result};
use super::features::FeatureStore;
use super::generate::Decoding;
use super::items::items;
use super::learner::Learner;
use super::memory::BatchLimit;
use super::memory_plan::MemoryPlan;
use super::opening::{open_dataset, questions};
use super::pointing::{Pointing, play};
use super::predictor::predict;
pub use super::rationales::Rationales;
use super::rationales::read_rationales;
use super::{model, snapshot};
use crate::config::Settings;
use crate::data::synth::vocabulary;
use crate::data::{Dataset, Sample, View, classes};
use crate::session::{ImageResult, Metrics, Prediction, Stage};

/// The trained parts to use; a part without a file is fresh.
#[derive(Debug, Clone, Default)]
pub struct TrainedParts {
    pub aspects: Option<PathBuf>,
    pub prompt: Option<PathBuf>,
    /// The classes that the session recorded; `None`: those of the dataset or its name.
    pub classes: Option<Vec<String>>,
}

/// Metrics of a split, with each image's result.
pub struct SplitEvaluation {
    pub metrics: Metrics,
    pub results: Vec<ImageResult>,
    /// Samples in the dataset's train, val, test.
    pub splits: [usize; 3],
    /// Images that could not be read, with their reason, and what else is to be said.
    pub left_out: Vec<String>,
}

/// Evaluates on `split` (`train`, `val` or `test`); `progress` gets the phase, the number done and the total.
///
/// # Errors
/// Where data, model or parts cannot be opened, the split is empty, what the model says is not finite, or the device fails.
pub fn evaluate_split(
    settings: &Settings,
    device: DeviceChoice,
    parts: &TrainedParts,
    split: &str,
    mut progress: impl FnMut(&str, u64, u64),
) -> Result<SplitEvaluation, EngineError> {
    progress("opening data", 0, 0);
    let dataset = open_dataset(settings)?;
    if samples(&dataset, split).is_empty() {
        return Err(EngineError::Failed(format!(
            "the split `{split}` of {} has no image; choose another with --split",
            dataset.root.display()
        )));
    }
    let compute = device::open(device, settings.model.dtype)?;
    let base = model::open(settings, &compute, &mut progress)?;
    let learner = learner(&base, settings, dataset.classes.clone(), parts)?;
    let plan = MemoryPlan::of(&compute, &learner, None);
    let mut store = FeatureStore::of(&base, settings, 0)?;
    let mut seen = evaluate_on(&learner, &mut store, (&dataset, split), settings, |done, total| {
        progress("evaluating", done, total);
        Ok(())
    })
    .map_err(|error| plan.explain(error))?;
    seen.left_out.splice(0..0, compute.notice.clone());
    Ok(seen)
}

/// Evaluates a learner on a split of an opened dataset; `progress` gets the number of images done and in all.
///
/// # Errors
/// Where what the model says is not finite, the device fails, or `progress` does.
pub(super) fn evaluate_on(
    learner: &Learner,
    store: &mut FeatureStore,
    (dataset, split): (&Dataset, &str),
    settings: &Settings,
    mut progress: impl FnMut(u64, u64) -> Result<(), EngineError>,
) -> Result<SplitEvaluation, EngineError> {
    let samples = samples(dataset, split);
    let total = samples.len() as u64;
    let (mut room, mut left_out) = (BatchLimit(settings.test.batch_size), Vec::new());
    let seen = evaluate(
        learner,
        store,
        &samples,
        (split, &mut room),
        &Decoding::new(&settings.test, settings.train.seed),
        |sample, error| left_out.push(format!("{}: {error}", sample.id)),
        |done| progress(done as u64, total),
    )?;
    left_out.extend(room.notice(BatchLimit(settings.test.batch_size)));
    for (sample, judged) in &seen.rows {
        check_finite(learner, &sample.id, judged)?;
    }
    let results = seen.rows.iter().map(|(sample, judged)| result(learner, sample, judged));
    Ok(SplitEvaluation {
        metrics: Metrics {
            data: Some(dataset.root.display().to_string()),
            ..seen.metrics
        },
        results: results.collect(),
        splits: [dataset.train.len(), dataset.val.len(), dataset.test.len()],
        left_out,
    })
}

fn samples<'a>(dataset: &'a Dataset, split: &str) -> Vec<&'a Sample> {
    let samples = match split {
        "train" => &dataset.train,
        "val" => &dataset.val,
        _ => &dataset.test,
    };
    samples.iter().collect()
}

/// Predicts `images` in order, handing each result to `each`. Gives what else is to be said.
///
/// # Errors
/// Where the model or its parts cannot be opened or the device is lost; an image that cannot be read, or does not fit the
/// device's memory, is handed on as its own error.
pub fn predict_images(
    settings: &Settings,
    device: DeviceChoice,
    parts: &TrainedParts,
    (images, muted): (&[PathBuf], &[View]),
    mut progress: impl FnMut(&str, u64, u64),
    mut each: impl FnMut(&Path, Result<Prediction, EngineError>) -> Result<(), EngineError>,
) -> Result<Vec<String>, EngineError> {
    let compute = device::open(device, settings.model.dtype)?;
    let base = model::open(settings, &compute, &mut progress)?;
    let named = settings.data.dataname.as_deref().and_then(classes::by_name);
    let classes = parts.classes.clone().unwrap_or_else(|| {
        named
            .map_or(&classes::EMOSET, |known| known)
            .classes
            .iter()
            .map(|class| (*class).to_owned())
            .collect()
    });
    let learner = learner(&base, settings, classes, parts)?;
    let mut store = FeatureStore::of(&base, settings, settings.data.cache_mb)?;
    let decoding = Decoding::new(&settings.test, settings.train.seed);
    let plan = MemoryPlan::of(&compute, &learner, None);
    for path in images {
        let name = path.display().to_string();
        let predicted = predict(&learner, &mut store, (path, name), muted, &decoding);
        match predicted.map_err(|error| plan.explain(error)) {
            Err(error) if error.is_lost_device() => return Err(error),
            predicted => each(path, predicted)?,
        }
    }
    Ok(Vec::from_iter(compute.notice.clone()))
}

/// How well each aspect's own question is answered, and where its heatmap peaks.
#[derive(Debug, Clone, PartialEq)]
pub struct AspectStudy {
    /// Share of right greedy answers per view.
    pub answers: IndexMap<View, f64>,
    pub pointing: Pointing,
    pub rationales: Rationales,
}

/// Studies the aspects of `parts` on the test split of a drawn dataset of `size` by `size` pixels.
///
/// # Errors
/// Where data, model or parts cannot be opened, or the device fails.
pub fn study_aspects(
    settings: &Settings,
    device: DeviceChoice,
    parts: &TrainedParts,
    size: u32,
) -> Result<AspectStudy, EngineError> {
    let dataset = open_dataset(settings)?;
    let compute = device::open(device, settings.model.dtype)?;
    let base = model::open(settings, &compute, |_, _, _| ())?;
    let learner = learner(&base, settings, dataset.classes.clone(), parts)?;
    let mut store = FeatureStore::of(&base, settings, settings.data.cache_mb)?;
    let items = items(Stage::Aspects, &dataset.test, &learner.views(), &dataset.classes);
    let (_, answers) = evaluate_aspects(
        &learner,
        &mut store,
        &items,
        &mut BatchLimit(settings.test.batch_size),
        |_, _| (),
        |_| Ok(()),
    )?;
    Ok(AspectStudy {
        answers: answers.into_iter().collect(),
        pointing: play(&learner, &mut store, &dataset.root, &dataset.test, size)?,
        rationales: read_rationales(
            &learner,
            &mut store,
            &dataset.test,
            &mut BatchLimit(settings.test.batch_size),
            &vocabulary(),
        )?,
    })
}

pub(super) fn learner<'a>(
    base: &'a crate::vlm::base::BaseModel,
    settings: &Settings,
    classes: Vec<String>,
    parts: &TrainedParts,
) -> Result<Learner<'a>, EngineError> {
    let mut learner = Learner::fresh(base, settings, questions(settings)?, classes)?;
    if let Some(path) = &parts.aspects {
        snapshot::load_aspects(&mut learner, path)?;
    }
    if let Some(path) = &parts.prompt {
        snapshot::load_prompt(&mut learner, path)?;
    }
    Ok(learner)
}
