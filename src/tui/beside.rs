//! Evaluations that are stored beside a session's journal.

use std::path::Path;

use crate::session::{KeptEvaluation, Metrics, RunState, frozen_metrics, kept_evaluations};

/// Evaluations that are stored next to a session's journal.
#[derive(Debug)]
pub struct Beside {
    /// The frozen model's figures, if the session has them.
    pub frozen: Option<Metrics>,
    pub evaluations: Vec<KeptEvaluation>,
}

impl Beside {
    /// Reads them from the session's folder.
    #[must_use]
    pub fn read(folder: &Path, state: &RunState) -> Self {
        Self {
            frozen: frozen_metrics(folder),
            evaluations: kept_evaluations(folder, state),
        }
    }
}
