//! The step or evaluation of a session that an export takes.

use super::{ExportError, Source, What};
use crate::session::{KeptEvaluation, kept_evaluations};

/// The step or evaluation that the user named, if any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selected {
    /// The checkpoint's step (`@STEP`); None for the newest.
    pub step: Option<u64>,
    /// The evaluation by its file's or folder's name.
    pub evaluation: Option<String>,
}

impl Selected {
    /// # Errors
    /// Where a step or an evaluation was named that this kind of export would ignore.
    pub(super) fn check(&self, what: What) -> Result<(), ExportError> {
        let whole = match what {
            What::Metrics => "metrics hold every step",
            What::Curves => "curves are drawn of every step",
            What::TensorBoard => "the event file holds every step",
            _ => "",
        };
        if !whole.is_empty() && self.step.is_some() {
            return Err(ExportError::Selected(format!(
                "{whole}; leave the @ and what follows it out"
            )));
        }
        if !what.is_of_predictions() && self.evaluation.is_some() {
            let only = "an evaluation is chosen for predictions, table, confusion, reliability and classes alone; name one \
                        of these with --what, or leave --evaluation out";
            return Err(ExportError::Selected(only.to_owned()));
        }
        if self.step.is_some() && self.evaluation.is_some() {
            let one = "an evaluation belongs to one checkpoint, so name either the checkpoint or the evaluation";
            return Err(ExportError::Selected(one.to_owned()));
        }
        Ok(())
    }

    /// The selected evaluation: the named one, else the newest of the step, else the newest of all. Only evaluations of the
    /// session's own parameters on its own data are chosen unnamed; others must be named.
    ///
    /// # Errors
    /// There is no such evaluation; the error says which ones exist.
    pub fn evaluation(&self, source: &Source) -> Result<KeptEvaluation, ExportError> {
        let kept = kept_evaluations(&source.folder, &source.state);
        let nothing = |said: String| Err(ExportError::Nothing(said));
        if let Some(key) = &self.evaluation {
            let keys: Vec<&str> = kept.iter().map(|kept| kept.key.as_str()).collect();
            let there_are = if keys.is_empty() {
                "none".to_owned()
            } else {
                keys.join(", ")
            };
            return match kept.iter().find(|kept| kept.key == *key) {
                Some(kept) => Ok(kept.clone()),
                None => nothing(format!(
                    "the session {} has no evaluation {key}; it has: {there_are}",
                    source.name
                )),
            };
        }
        let (own, others): (Vec<_>, Vec<_>) = kept.into_iter().partition(KeptEvaluation::is_own);
        let mut steps: Vec<u64> = own.iter().filter_map(|kept| kept.prompt).collect();
        steps.sort_unstable();
        steps.dedup();
        let of_step = own
            .into_iter()
            .filter(|kept| self.step.is_none() || kept.prompt == self.step);
        let written = |kept: &KeptEvaluation| std::fs::metadata(&kept.path).and_then(|file| file.modified()).ok();
        if let Some(newest) = of_step.max_by_key(written) {
            return Ok(newest);
        }
        match (self.step, others.last()) {
            (Some(step), _) if !steps.is_empty() => nothing(format!(
                "the session {} has no predictions of step {step}, only of {}; `masp eval {0}@{step}` makes them if \
                 that checkpoint still exists",
                source.name,
                steps.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
            )),
            (None, Some(other)) => nothing(format!(
                "the session {} has no predictions of its own parameters on its own data; choose another evaluation \
                 with --evaluation, such as {} ({})",
                source.name, other.key, other.name
            )),
            _ => nothing(format!(
                "the session {} has no predictions yet; `masp eval {0}` makes some",
                source.name
            )),
        }
    }
}
