//! What a session has beside its journal: evaluations and images.

use std::path::{Path, PathBuf};

use crate::session::{KeptEvaluation, Metrics, RunState, SessionStart, frozen_metrics, kept_evaluations};

/// What a session has beside its journal.
#[derive(Debug)]
pub struct Beside {
    /// The frozen model's figures, if the session has them.
    pub frozen: Option<Metrics>,
    pub evaluations: Vec<KeptEvaluation>,
    /// The folder of the dataset's images; `None` if the journal does not name one.
    pub images: Option<PathBuf>,
}

impl Beside {
    /// Reads them from the session's folder.
    #[must_use]
    pub fn read(folder: &Path, state: &RunState) -> Self {
        Self {
            frozen: frozen_metrics(folder),
            evaluations: kept_evaluations(folder, state),
            images: state.session.as_ref().map(SessionStart::images),
        }
    }
}
