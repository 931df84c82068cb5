//! The end of `journal.jsonl` that is written.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use super::{
    event::Event,
    journal::{JournalError, JournalTail},
    record::Record,
};
use crate::bounded_file::without_links;

/// The journal's one writer. Hold the session's lock while it lives.
#[derive(Debug)]
pub struct JournalWriter {
    path: PathBuf,
    file: File,
    /// Bytes of the complete lines.
    length: u64,
    next_seq: u64,
    /// When the last line was written, in seconds since the Unix epoch.
    last_time: Option<f64>,
    /// Whether a failed append may have left half a line after `length`.
    pub(super) torn: bool,
}

impl JournalWriter {
    /// Begins a journal, or goes on with one: `seq` continues, and the torn line of a writer that
    /// crashed is cut off (no reader ever saw it).
    ///
    /// # Errors
    /// As [`super::read_journal`], and where the file cannot be written.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let failed = |source| JournalError::Write {
            path: path.to_owned(),
            source,
        };
        let new = !path.exists();
        let mut options = OpenOptions::new();
        let file = without_links(options.read(true).append(true).create(true))
            .open(path)
            .map_err(failed)?;
        if new && let Some(folder) = path.parent() {
            // Sync the folder, so that the new file's name survives a power cut.
            File::open(folder)
                .and_then(|folder| folder.sync_all())
                .map_err(failed)?;
        }
        let mut tail = JournalTail::new(path);
        let mut last_time = None;
        tail.read(&file, |record| last_time = Some(record.time))?;
        let writer = Self {
            path: path.to_owned(),
            file,
            length: tail.offset,
            next_seq: tail.lines,
            last_time,
            torn: false,
        };
        writer.cut_torn_line().map_err(failed)?;
        Ok(writer)
    }

    /// Appends an event, stamped with the next `seq` and the time, as one flushed line; those that a
    /// resume relies on (`session`, `checkpoint`, `resumed`, `ended`) are synced to the disk too.
    ///
    /// # Errors
    /// The first event is not `session`, or the write failed. After a failed write the journal ends with the
    /// previous line, and the same event may be appended again.
    pub fn append(&mut self, event: Event) -> Result<Record, JournalError> {
        if self.next_seq == 0 && !matches!(event, Event::Session(_)) {
            return Err(JournalError::SessionFirst {
                path: self.path.clone(),
            });
        }
        let record = Record {
            seq: self.next_seq,
            time: now(),
            event,
        };
        self.write(&record).map_err(|source| JournalError::Write {
            path: self.path.clone(),
            source,
        })?;
        Ok(record)
    }

    /// Waits until all lines are safe on the disk.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// When the last line was written, in seconds since the Unix epoch; None in an empty journal.
    #[must_use]
    pub const fn last_time(&self) -> Option<f64> {
        self.last_time
    }

    fn write(&mut self, record: &Record) -> io::Result<()> {
        if self.torn {
            self.cut_torn_line()?;
            self.torn = false;
        }
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        let synced = matches!(
            record.event,
            Event::Session(_) | Event::Checkpoint(_) | Event::Resumed(_) | Event::Ended(_)
        );
        let sync = |()| {
            if synced { self.file.sync_data() } else { Ok(()) }
        };
        if let Err(error) = (&self.file).write_all(&line).and_then(sync) {
            self.torn = self.cut_torn_line().is_err();
            return Err(error);
        }
        self.length += line.len() as u64;
        self.next_seq += 1;
        self.last_time = Some(record.time);
        Ok(())
    }

    fn cut_torn_line(&self) -> io::Result<()> {
        if self.file.metadata()?.len() > self.length {
            self.file.set_len(self.length)?;
        }
        Ok(())
    }
}

/// Seconds since the Unix epoch.
#[must_use]
pub fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}
