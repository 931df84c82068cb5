//! What a run says and does at a step whose loss or gradient is not finite.

use super::job::StageRun;
use super::trainer::{NotFinite, Trainer};
use crate::config::OnNan;

/// Whether the run ends at a step that is not finite: as `train.on_nan` says, else if no person watches who could decide.
pub fn stops_at_nan(run: &StageRun, trainer: &Trainer) -> bool {
    trainer
        .settings
        .on_nan
        .map_or(!run.job.attended, |wanted| wanted == OnNan::Stop)
}

/// How to continue a run that ended at a step that is not finite.
pub fn how_to_go_on(run: &StageRun, trainer: &Trainer) -> String {
    // The session has recorded `on_nan: stop`, so resuming must override it.
    let otherwise = match trainer.settings.on_nan {
        Some(OnNan::Stop) => " --set train.on_nan=pause",
        _ => "",
    };
    format!(
        "the run has ended there, with a checkpoint. `masp train --resume --session {}{otherwise}` in a terminal \
         continues from it and pauses at this step; when you let it go on, it skips the step. Or begin again with a \
         lower learning rate",
        run.job.folder.name()
    )
}

/// The warning for a step whose loss or gradient is not finite; the parameters are those of step `at`.
pub fn warning(found: &NotFinite, at: u64) -> String {
    let what = if found.loss.is_finite() {
        "the gradient"
    } else {
        "the loss"
    };
    let whose = if found.samples.is_empty() {
        "no single sample causes it".to_owned()
    } else {
        format!("caused by {}", found.samples.join(", "))
    };
    format!(
        "{what} of step {} is not finite ({whose}); the step was not taken, and the parameters are those of step {at}",
        found.step
    )
}
