//! What an export reads: a session's journal, and the predictions beside it.

use std::path::{Path, PathBuf};

use super::ExportError;
use super::answers::Answers;
use super::times::Times;
use crate::bounded_file::read_bounded;
use crate::inside::inside_links_too;
use crate::printable::printable_path;
use crate::session::{JournalTail, Prediction, Record, RunState, SampleSeen, SessionFolder, each_record};

/// The largest prediction file that is read, in bytes; one with the maps of six aspects over a large image needs less.
const LARGEST_PREDICTION: u64 = 64 << 20;

/// A session as it was read.
pub struct Source {
    pub name: String,
    pub folder: PathBuf,
    pub state: RunState,
    pub(super) times: Times,
    pub(super) answers: Answers,
}

impl Source {
    /// Reads a session's journal.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn read(folder: &SessionFolder) -> Result<Self, ExportError> {
        let mut source = Self::empty(folder);
        each_record(&folder.journal(), |record| source.take(&record))?;
        Ok(source)
    }

    /// Reads a session's journal that a run may be writing; the tail gives what comes after.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub(super) fn followed(folder: &SessionFolder) -> Result<(Self, JournalTail), ExportError> {
        let (mut source, mut tail) = (Self::empty(folder), JournalTail::of(folder));
        tail.poll(|record| source.take(&record))?;
        Ok((source, tail))
    }

    fn empty(folder: &SessionFolder) -> Self {
        Self {
            name: folder.name().to_owned(),
            folder: folder.path().to_owned(),
            state: RunState::default(),
            times: Times::default(),
            answers: Answers::default(),
        }
    }

    /// Notes one of the journal's records.
    pub(super) fn take(&mut self, record: &Record) {
        self.state.apply(record);
        self.times.take(record);
        self.answers.take(record);
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
