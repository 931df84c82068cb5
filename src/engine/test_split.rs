//! The test split's figures at the end of a run.

use super::error::EngineError;
use super::features::FeatureStore;
use super::inference::evaluate_on;
use super::job::TrainJob;
use super::learner::Learner;
use super::reporter::Reporter;
use crate::data::Dataset;
use crate::figures::percent;
use crate::session::{Evaluated, EvaluationNote, Stage, keep_evaluation, now};

/// Evaluates the trained model on the test split and keeps the evaluation in the session, as `masp eval` does. `step` is the
/// soft prompt's. A failure is a warning, because the run is done without it.
///
/// # Errors
/// Where the journal cannot be written or the device is lost.
pub fn test(
    (learner, step): (&Learner, u64),
    (dataset, job): (&Dataset, &TrainJob),
    store: &mut FeatureStore,
    reporter: &mut Reporter,
) -> Result<(), EngineError> {
    if dataset.test.is_empty() {
        return Ok(());
    }
    reporter.phase("evaluating", Some(Stage::Prompt))?;
    let progress = |done, total| reporter.evaluating(done, total);
    let seen = match evaluate_on(learner, store, (dataset, "test"), &job.settings, progress) {
        Err(EngineError::Interrupted) => return reporter.log("the test split was not evaluated"),
        Err(error) if error.is_lost_device() => return Err(error),
        Err(error) => return reporter.warn(format!("the test split was not evaluated: {error}"), None),
        Ok(seen) => seen,
    };
    for text in seen.left_out {
        reporter.warn(text, None)?;
    }
    let note = EvaluationNote {
        evaluated: Evaluated::Checkpoint {
            stage: Stage::Prompt,
            step,
        },
        data: seen.metrics.data.clone().unwrap_or_default(),
        own_data: true,
    };
    match keep_evaluation(&job.folder, &note, &seen.metrics, &seen.results, now()) {
        Ok(_) => {
            let (right, all) = (percent(seen.metrics.accuracy), seen.metrics.samples);
            reporter.log(format!("test split: {right} of {all} images are right"))
        }
        Err(error) => reporter.warn(format!("the test split's evaluation was not kept: {error}"), None),
    }
}
