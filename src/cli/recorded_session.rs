//! A session on disk and what its journal recorded when the run began.

use std::path::Path;

use super::failure::Failure;
use crate::config::{self, Record, Sources};
use crate::printable::printable;
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

    /// Reads the session of this name or path, which has recorded its settings.
    ///
    /// # Errors
    /// Where the settings are wrong, there is no such session, or it ended before it wrote its settings.
    pub fn named(sources: &Sources, name: &str) -> Result<Self, Failure> {
        let root = config::load(sources.clone())?.settings.session.root;
        let session = Self::read(SessionFolder::open(&root, name)?)?;
        if session.start.is_none() {
            return Err(Failure::failed(format!(
                "session {} ended before it recorded its settings; name another one",
                printable(session.folder.name())
            )));
        }
        Ok(session)
    }

    /// The settings that the run began with, as a layer for [`crate::config::load`].
    #[must_use]
    pub fn settings(&self) -> Option<Record> {
        self.start.as_ref().map(|start| Record {
            name: self.folder.name().to_owned(),
            settings: start.settings.clone(),
        })
    }

    /// The same for another run: a drawn dataset is where its pictures are now.
    #[must_use]
    pub fn settings_for_another(&self) -> Option<Record> {
        let mut record = self.settings()?;
        let drawn = self.start.as_ref().filter(|start| start.drawn.is_some());
        if let (Some(start), Some(root)) = (drawn, record.settings.pointer_mut("/data/root")) {
            *root = start.images().display().to_string().into();
        }
        Some(record)
    }

    /// Draws the pictures of a drawn dataset that is gone; `progress` is called with the number of pictures done and in all.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn draw_missing_images(&self, progress: impl Fn(usize, usize) + Sync) -> Result<(), Failure> {
        Ok(self
            .start
            .as_ref()
            .map_or(Ok(()), |start| start.draw_missing_images(progress))?)
    }

    /// Whether [`RecordedSession::draw_missing_images`] has something to do.
    #[must_use]
    pub fn misses_images(&self) -> bool {
        self.start.as_ref().is_some_and(|start| start.misses_images())
    }
}

/// How a command line names the session in a folder: a bare name would be looked up under the sessions' root.
#[must_use]
pub fn as_argument(session: &Path) -> String {
    let path = session.display().to_string();
    if path.contains('/') { path } else { format!("./{path}") }
}
