//! What an export reads: a session's journal, and the predictions beside it.

use std::path::{Path, PathBuf};

use super::ExportError;
use super::tensorboard::Times;
use crate::bounded_file::read_bounded;
use crate::inside::inside_links_too;
use crate::printable::printable_path;
use crate::session::{Prediction, RunState, SampleSeen, SessionFolder, each_record};

/// The largest prediction file that is read, in bytes; one with the maps of six aspects over a large image needs less.
const LARGEST_PREDICTION: u64 = 64 << 20;

/// A session as it was read.
pub struct Source {
    pub name: String,
    pub folder: PathBuf,
    pub state: RunState,
    pub(super) times: Times,
}

impl Source {
    /// Reads a session's journal.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn read(folder: &SessionFolder) -> Result<Self, ExportError> {
        let (mut state, mut times) = (RunState::default(), Times::default());
        each_record(&folder.journal(), |record| {
            state.apply(&record);
            times.take(&record);
        })?;
        Ok(Self {
            name: folder.name().to_owned(),
            folder: folder.path().to_owned(),
            state,
            times,
        })
    }

    /// The prediction for a panel image at one look.
    ///
    /// # Errors
    /// Where the file that the look names cannot be read.
    pub fn prediction(&self, look: &SampleSeen) -> Result<Prediction, ExportError> {
        let path = self.inside(&look.file)?;
        let says = |reason: String| ExportError::Nothing(format!("{}: {reason}", printable_path(&path)));
        let text = read_bounded(&path, LARGEST_PREDICTION).map_err(|error| says(error.to_string()))?;
        serde_json::from_slice(&text).map_err(|error| says(error.to_string()))
    }

    /// The full path of a file that a journal names; an error if it leads out of the session's folder.
    pub(super) fn inside(&self, file: &Path) -> Result<PathBuf, ExportError> {
        inside_links_too(&self.folder, file).ok_or_else(|| {
            ExportError::Nothing(format!(
                "{}: not a path inside the session's folder",
                printable_path(file)
            ))
        })
    }
}
