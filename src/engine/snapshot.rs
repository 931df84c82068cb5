//! A trainer's state as a checkpoint, and back.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use candle_core::{Tensor, Var};
use sha2::{Digest, Sha256};

use super::error::EngineError;
use super::learner::Learner;
use super::schedule::LearningRate;
use super::trainer::Trainer;
use crate::aspects::aspect_file::{read_aspects, write_aspects};
use crate::aspects::checkpoint::{Checkpoint, CheckpointError, CheckpointMeta, FORMAT, write_checkpoint};
use crate::aspects::modules::to_host;
use crate::aspects::parameter_file::check_family;
use crate::aspects::prompt_file::{SoftPromptFile, read_soft_prompt, write_soft_prompt};
use crate::config::Settings;
use crate::session::{HIGHEST_RATE, SessionFolder, Stage, TrainedOn};

/// The metadata of a checkpoint of `stage` at `step`.
#[must_use]
pub fn meta(learner: &Learner, settings: &Settings, stage: Stage, step: u64) -> CheckpointMeta {
    CheckpointMeta {
        format: FORMAT,
        program: format!("masp {}", env!("CARGO_PKG_VERSION")),
        base_model: learner.base.name.clone(),
        family: Some(learner.base.family.name().to_owned()),
        hidden_size: learner.base.hidden_size(),
        stage,
        step,
        settings_hash: settings_hash(settings),
        trained_on: TrainedOn::default(),
        best: false,
        evaluation_due: false,
        optimizer_steps: BTreeMap::new(),
        sampler: None,
        rng: None,
    }
}

/// Writes parameters, moments and counters. Seed and step determine order and templates, so the sampler needs no other
/// state. `best` marks the checkpoint as the best so far.
///
/// # Errors
/// Where the device fails, a parameter or moment is not finite, or the file cannot be written.
pub fn save(
    trainer: &Trainer,
    settings: &Settings,
    best: bool,
    (folder, path): (&SessionFolder, &Path),
) -> Result<(), EngineError> {
    let mut meta = meta(trainer.learner, settings, trainer.stage, trainer.step);
    (meta.best, meta.evaluation_due) = (best, trainer.evaluation_due);
    let seed = trainer.settings.seed;
    let (peak, asked) = (trainer.rate.peak, trainer.settings.learning_rate);
    let sampler = serde_json::json!({
        "seed": seed, "steps_drawn": trainer.step, "peak_lr": peak, "learning_rate": asked,
    });
    meta.sampler = Some(sampler.to_string());
    meta.rng = Some(serde_json::json!({ "generator": "chacha8", "seed": seed }).to_string());
    let mut tensors = BTreeMap::new();
    for slot in &trainer.optimizer.slots {
        tensors.insert(slot.name.clone(), slot.var.as_tensor());
        tensors.insert(format!("optimizer.exp_avg.{}", slot.name), &slot.exp_avg);
        tensors.insert(format!("optimizer.exp_avg_sq.{}", slot.name), &slot.exp_avg_sq);
        meta.optimizer_steps.insert(slot.name.clone(), slot.steps);
    }
    let values = |name: &str| {
        let tensor = to_host(tensors[name])?;
        if tensor.is_finite() {
            return Ok(tensor.data);
        }
        Err(EngineError::NotFinite(format!(
            "at step {} of stage `{}` the numbers of {name} are not finite, so no checkpoint of them is written",
            trainer.step,
            trainer.stage.name()
        )))
    };
    let shapes = tensors.iter().map(|(name, tensor)| (name.clone(), tensor.dims()));
    let shapes = shapes.collect();
    let written = folder.write(path, |file| {
        // Parameters and moments together are three times the parameters: never all of them beside the model.
        write_checkpoint(file, &meta, &shapes, |name| {
            values(name).map(Cow::from).map_err(io::Error::other)
        })
    });
    written.map_err(|failed| match failed.downcast::<EngineError>() {
        Ok(failed) => failed,
        Err(source) => CheckpointError::Write {
            path: path.to_owned(),
            source,
        }
        .into(),
    })
}

/// What a checkpoint records beyond the trainer's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Whether it was the best so far.
    pub best: bool,
    /// A sentence for the log, if the resumed run uses another learning rate than the checkpoint's run.
    pub rate: Option<String>,
}

/// Restores a trainer from the checkpoint at `path`. The learning rate is restored too, even if a person set it during the
/// run, unless `train.learning_rate` has changed since: then the settings win.
///
/// # Errors
/// Where the file is damaged, or of another model or stage.
pub fn restore(trainer: &mut Trainer, path: &Path) -> Result<Restored, EngineError> {
    let checkpoint = Checkpoint::load(path)?;
    let wrong = |what: String| {
        EngineError::Failed(format!(
            "cannot go on from {}: {what}; begin a new session, or resume with the settings of this one",
            path.display()
        ))
    };
    checkpoint.meta.check_family(path, trainer.learner.base.family)?;
    if checkpoint.meta.stage != trainer.stage {
        return Err(wrong(format!("it is of stage `{}`", checkpoint.meta.stage.name())));
    }
    for slot in &mut trainer.optimizer.slots {
        let find = |name: &str| {
            let tensor = checkpoint
                .tensors
                .get(name)
                .ok_or_else(|| wrong(format!("it has no `{name}`")))?;
            if tensor.shape != slot.var.dims() {
                return Err(wrong(format!(
                    "`{name}` has shape {:?} in the checkpoint and {:?} in this run",
                    tensor.shape,
                    slot.var.dims()
                )));
            }
            Ok(Tensor::from_slice(
                &tensor.data,
                tensor.shape.as_slice(),
                slot.var.device(),
            )?)
        };
        slot.var.set(&find(&slot.name)?)?;
        slot.exp_avg = find(&format!("optimizer.exp_avg.{}", slot.name))?;
        slot.exp_avg_sq = find(&format!("optimizer.exp_avg_sq.{}", slot.name))?;
        slot.steps = checkpoint.meta.optimizer_steps.get(&slot.name).copied().unwrap_or(0);
    }
    (trainer.step, trainer.evaluation_due) = (checkpoint.meta.step, checkpoint.meta.evaluation_due);
    let sampler: Option<serde_json::Value> = checkpoint
        .meta
        .sampler
        .and_then(|text| serde_json::from_str(&text).ok());
    let rate = sampler.and_then(|sampler| go_on_with_rate(trainer, &sampler));
    Ok(Restored {
        best: checkpoint.meta.best,
        rate,
    })
}

/// Restores the learning rate of the checkpoint's run, or returns a sentence on why not.
fn go_on_with_rate(trainer: &mut Trainer, sampler: &serde_json::Value) -> Option<String> {
    let peak = sampler["peak_lr"].as_f64()?;
    let asked = trainer.settings.learning_rate;
    // Older checkpoints record the rate, but not the one that the settings asked for; take that as unchanged.
    let then = sampler["learning_rate"].as_f64().unwrap_or(asked);
    if then.to_bits() != asked.to_bits() {
        return Some(format!(
            "the learning rate goes on from a peak of {asked:e}, as train.learning_rate says now for stage `{}`; until step {} it \
             was {peak:e}",
            trainer.stage.name(),
            trainer.step
        ));
    }
    let recorded = LearningRate { peak, ..trainer.rate };
    // Older programs had no upper bound; a recorded rate above it is ignored.
    if recorded.highest_from(trainer.step + 1) <= HIGHEST_RATE {
        trainer.rate = recorded;
    }
    None
}

/// Takes the aspect modules of a file: ours or the reference's.
///
/// # Errors
/// Where the file is damaged, lacks a view, or is of another width.
pub fn load_aspects(learner: &mut Learner, path: &Path) -> Result<(), EngineError> {
    check_family(path, learner.base.family)?;
    let file = read_aspects(path)?;
    file.require(path, learner.base.hidden_size(), &learner.views())?;
    Ok(learner.aspects.set(&file)?)
}

/// Takes the soft prompt of a file: ours or the reference's.
///
/// # Errors
/// Where the file is damaged or of another shape.
pub fn load_prompt(learner: &mut Learner, path: &Path) -> Result<(), EngineError> {
    check_family(path, learner.base.family)?;
    let file = read_soft_prompt(path)?;
    file.require(path, learner.base.hidden_size(), learner.prompt.dims()[0])?;
    let rows = Tensor::from_slice(&file.rows.data, file.rows.shape.as_slice(), &learner.base.device)?;
    learner.prompt = Var::from_tensor(&rows)?;
    Ok(())
}

/// Writes the parameters trained in `stage` for use elsewhere; a `.pth` / `.pt` name selects the reference's PyTorch format.
///
/// # Errors
/// Where the device fails or the file cannot be written.
pub fn export(learner: &Learner, meta: &CheckpointMeta, stage: Stage, path: &Path) -> Result<(), EngineError> {
    match stage {
        Stage::Aspects => {
            let file = learner.aspects.to_file()?;
            Ok(write_aspects(path, &file, meta)?)
        }
        Stage::Prompt => Ok(write_soft_prompt(
            path,
            &SoftPromptFile {
                rows: to_host(learner.prompt.as_tensor())?,
            },
            meta,
        )?),
    }
}

/// A short hash of the recorded settings, except where the session lies: they determine a run's numbers.
fn settings_hash(settings: &Settings) -> String {
    let mut record = settings.to_record();
    if let Some(record) = record.as_object_mut() {
        record.remove("session");
    }
    Sha256::digest(record.to_string())
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
