//! A session on disk and what its journal recorded when the run began.

use crate::config::Record;
use crate::session::{Event, JournalError, SessionFolder, SessionStart, first_record};

/// A session's folder with the first event of its journal.
#[derive(Debug)]
pub struct RecordedSession {
    pub folder: SessionFolder,
    /// None if the run ended before it wrote its settings.
    pub start: Option<Box<SessionStart>>,
}

impl RecordedSession {
    /// Reads the first event.
    ///
    /// # Errors
    /// Where the journal cannot be read.
    pub fn read(folder: SessionFolder) -> Result<Self, JournalError> {
        let start = first_record(&folder.journal())?.and_then(|record| match record.event {
            Event::Session(start) => Some(start),
            _ => None,
        });
        Ok(Self { folder, start })
    }

    /// The settings that the run began with, as a layer for [`crate::config::load`].
    #[must_use]
    pub fn settings(&self) -> Option<Record> {
        self.start.as_ref().map(|start| Record {
            name: self.folder.name().to_owned(),
            settings: start.settings.clone(),
        })
    }
}
