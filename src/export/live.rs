//! An event file that grows while its run goes on.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::event_file::EventFile;
use super::tensorboard::{add_record, events};
use super::{Asked, ExportError, Source, What, export};
use crate::session::{JournalTail, SessionFolder};

/// An event file, and how far it follows its run's journal.
pub struct LiveEvents {
    source: Source,
    tail: JournalTail,
    /// The file; None before the run's first step.
    file: Option<PathBuf>,
    to: PathBuf,
}

impl LiveEvents {
    /// Writes what the journal holds so far, as [`export`] does, into the folder `to`.
    ///
    /// # Errors
    /// The journal cannot be read, or the file cannot be written.
    pub fn begin(folder: &SessionFolder, to: &Path) -> Result<Self, ExportError> {
        let (source, tail) = Source::followed(folder)?;
        let mut live = Self {
            source,
            tail,
            file: None,
            to: to.to_owned(),
        };
        live.write_whole()?;
        Ok(live)
    }

    /// The file, once there is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Appends what is new in the journal.
    ///
    /// # Errors
    /// The journal cannot be read, or the file cannot be written.
    pub fn follow(&mut self) -> Result<(), ExportError> {
        let mut new = EventFile::continued();
        let source = &mut self.source;
        self.tail.poll(|record| {
            source.take(&record);
            add_record(&mut new, source, &record);
        })?;
        let bytes = new.into_bytes();
        let Some(file) = &self.file else {
            return self.write_whole();
        };
        if bytes.is_empty() {
            return Ok(());
        }
        let written = File::options()
            .append(true)
            .open(file)
            .and_then(|mut file| file.write_all(&bytes));
        written.map_err(|source| ExportError::Write {
            path: file.clone(),
            source,
        })
    }

    fn write_whole(&mut self) -> Result<(), ExportError> {
        if events(&self.source).is_ok() {
            self.file = Some(export(&self.source, What::TensorBoard, &Asked::default(), &self.to)?);
        }
        Ok(())
    }
}
