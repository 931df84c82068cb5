//! `journal.jsonl`, read: from its first line, or on from where it was read to while its one writer appends to it.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use rustix::io::Errno;
use serde::Deserialize;

use super::{
    event::{Event, FORMAT},
    folder::SessionFolder,
    journal_block::{Block, LONGEST_LINE},
    journal_index::{INDEX, Indexed, JournalIndex, NewIndex, Span},
    record::Record,
};
use crate::{
    atomic_file::write_atomically,
    bounded_file::{open_regular, read_line},
    printable::{printable, printable_path},
};

/// Why a journal cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("cannot read the journal {}: {source}", printable_path(path))]
    Read { path: PathBuf, source: io::Error },
    #[error(
        "cannot write the journal {}: {source}; free space or mend the permissions, then resume the session",
        printable_path(path)
    )]
    Write { path: PathBuf, source: io::Error },
    #[error(
        "{}, line {line}: {reason}; the journal was damaged, keep a copy and delete the file from this line on to use what stands before it",
        printable_path(path)
    )]
    Broken { path: PathBuf, line: u64, reason: String },
    #[error(
        "{} was written by a newer masp: its format is {format}, this program reads up to {FORMAT}; update masp to open this session",
        printable_path(path)
    )]
    NewerFormat { path: PathBuf, format: u64 },
    #[error(
        "{} became shorter while it was read: it was deleted or replaced; open the session again",
        printable_path(path)
    )]
    Shrunk { path: PathBuf },
    #[error(
        "{} has no `session` event yet, and that must be its first; nothing was written",
        printable_path(path)
    )]
    SessionFirst { path: PathBuf },
}

impl JournalError {
    /// Whether the write may succeed later: there is no space, the disk or its server is gone, a ticket has expired. Every
    /// system error for an open file may pass, except those that mean a bug in this program (EBADF, EFAULT, EINVAL).
    #[must_use]
    pub fn may_pass(&self) -> bool {
        let ours = [Errno::BADF, Errno::FAULT, Errno::INVAL].map(Errno::raw_os_error);
        let passes = |source: &io::Error| source.raw_os_error().is_some_and(|code| !ours.contains(&code));
        matches!(self, Self::Write { source, .. } if passes(source))
    }
}

/// All records of a journal, up to its last complete line.
///
/// # Errors
/// The file is missing, a line is broken (the error gives its number), `seq` has a gap, or the format is newer.
pub fn read_journal(path: &Path) -> Result<Vec<Record>, JournalError> {
    let mut records = Vec::new();
    each_record(path, |record| records.push(record))?;
    Ok(records)
}

/// Gives the records of a journal one after the other, up to its last complete line, so that a long journal need not fit in
/// memory.
///
/// # Errors
/// As [`read_journal`]; the records before a broken line have been given by then.
pub fn each_record(path: &Path, each: impl FnMut(Record)) -> Result<(), JournalError> {
    let mut tail = JournalTail::new(path);
    let file = open_regular(path).map_err(|source| tail.read_error(source))?;
    tail.begin(&file, each)?;
    tail.write_index();
    Ok(())
}

/// A journal's first record, which describes its session; None while its line is incomplete.
///
/// # Errors
/// As [`read_journal`].
pub fn first_record(path: &Path) -> Result<Option<Record>, JournalError> {
    let tail = JournalTail::new(path);
    let read_error = |source| tail.read_error(source);
    let mut line = Vec::new();
    let mut reader = BufReader::new(open_regular(path).map_err(read_error)?);
    read_line(&mut reader, &mut line, LONGEST_LINE).map_err(|error| tail.line_error(error))?;
    if line.last() == Some(&b'\n') {
        tail.parse(&line).map(Some)
    } else {
        Ok(None)
    }
}

/// Reads a journal that another process may be writing: each poll gives the lines that are new.
#[derive(Debug)]
pub struct JournalTail {
    path: PathBuf,
    /// The session, where the journal is read through its folder, which may be kept open and so followed when it is moved.
    folder: Option<SessionFolder>,
    /// Bytes of the complete lines read so far. A torn line is read again at the next poll, because a new
    /// writer may have cut it off.
    pub(super) offset: u64,
    /// Complete lines read so far, which is also the next record's `seq`.
    pub(super) lines: u64,
    /// So many bytes that had to be parsed are worth an index.
    pub(super) index_from: u64,
    /// The index that the first read was worth, until it is written.
    unwritten: Option<NewIndex>,
}

impl JournalTail {
    /// Takes a tenth of a second to parse.
    const INDEX_FROM: u64 = 16 << 20;

    /// From the journal's first line on; the file need not exist yet.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            folder: None,
            offset: 0,
            lines: 0,
            index_from: Self::INDEX_FROM,
            unwritten: None,
        }
    }

    /// [`Self::new`] on the session's journal. If the session is [kept open](SessionFolder::kept_open), it is followed when it
    /// is moved.
    #[must_use]
    pub fn of(session: &SessionFolder) -> Self {
        Self {
            folder: Some(session.clone()),
            ..Self::new(&session.journal())
        }
    }

    /// Gives the records since the last poll: none where there is no new complete line, or no file yet.
    ///
    /// # Errors
    /// As [`each_record`].
    pub fn poll(&mut self, each: impl FnMut(Record)) -> Result<(), JournalError> {
        let file = match self.open() {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.offset == 0 => return Ok(()),
            Err(error) => return Err(self.read_error(error)),
        };
        if self.offset == 0 {
            self.begin(&file, each)
        } else {
            self.read(&file, each)
        }
    }

    /// Writes the index that the first read was worth, if it was. It takes its time, so not while a person waits for the
    /// records. Without it, the journal is parsed again the next time, so a folder that may not be written is no error.
    pub fn write_index(&mut self) {
        let Some(index) = self.unwritten.take() else { return };
        let _ = self.open().and_then(|journal| {
            let fill = |to: &mut File| index.write(&journal, to);
            match &self.folder {
                Some(folder) => folder.write(&folder.path().join(INDEX), fill),
                None => write_atomically(&self.path.with_file_name(INDEX), fill),
            }
        });
    }

    fn open(&self) -> io::Result<File> {
        match &self.folder {
            Some(folder) => folder.open_journal(),
            None => open_regular(&self.path),
        }
    }

    /// The first read: what the index covers from there, the rest from the journal.
    fn begin(&mut self, file: &File, mut each: impl FnMut(Record)) -> Result<(), JournalError> {
        let found = match &self.folder {
            Some(folder) => folder.open_own(INDEX),
            None => open_regular(&self.path.with_file_name(INDEX)),
        };
        let mut index = found.ok().and_then(|found| JournalIndex::of(file, found));
        self.lines = 0;
        if let Some(index) = &mut index {
            self.read_index(index, file, &mut each)?;
        }
        let length = file.metadata().map_err(|source| self.read_error(source))?.len();
        if length.saturating_sub(self.offset) < self.index_from {
            return self.read(file, each);
        }
        let mut longer = NewIndex::after(index);
        self.read_lines(file, |record, line| {
            longer.push(&record, line);
            each(record);
        })?;
        self.unwritten = Some(longer);
        Ok(())
    }

    fn read_index(
        &mut self,
        index: &mut JournalIndex,
        file: &File,
        each: &mut impl FnMut(Record),
    ) -> Result<(), JournalError> {
        let path = self.path.with_file_name(INDEX);
        let failed = |source| JournalError::Read {
            path: path.clone(),
            source,
        };
        let mut line = Vec::new();
        index.each(failed, |indexed| {
            let record = match indexed {
                Indexed::Step(record) => record,
                Indexed::Other(Span { offset, length }) => {
                    line.resize(usize::try_from(length).unwrap_or_default(), 0);
                    file.read_exact_at(&mut line, offset)
                        .map_err(|source| self.read_error(source))?;
                    self.parse(&line)?
                }
            };
            self.lines += 1;
            each(record);
            Ok(())
        })?;
        self.offset = index.covered;
        Ok(())
    }

    /// Reads on from the last complete line that was read, without the index.
    pub(super) fn read(&mut self, file: &File, mut each: impl FnMut(Record)) -> Result<(), JournalError> {
        self.read_lines(file, |record, _| each(record))
    }

    fn read_lines(&mut self, mut file: &File, mut each: impl FnMut(Record, Span)) -> Result<(), JournalError> {
        let length = file.metadata().map_err(|source| self.read_error(source))?.len();
        if length < self.offset {
            return Err(JournalError::Shrunk {
                path: self.path.clone(),
            });
        }
        file.seek(SeekFrom::Start(self.offset))
            .map_err(|source| self.read_error(source))?;
        // Read only up to the length seen above: a line that is appended meanwhile is left to the next poll.
        let mut reader = BufReader::with_capacity(1 << 16, file.take(length - self.offset));
        let mut block = Block::default();
        loop {
            let filled = block.fill(&mut reader);
            for (line, read) in block.lines().zip(block.parse()) {
                let record = self.check(line, read)?;
                let (offset, length) = (self.offset, line.len() as u64);
                self.offset += length;
                self.lines += 1;
                each(record, Span { offset, length });
            }
            if !filled.map_err(|error| self.line_error(error))? {
                return Ok(());
            }
        }
    }

    fn parse(&self, line: &[u8]) -> Result<Record, JournalError> {
        self.check(line, serde_json::from_slice(line))
    }

    /// Checks that the record of the next line belongs there.
    fn check(&self, line: &[u8], read: serde_json::Result<Record>) -> Result<Record, JournalError> {
        if self.lines == 0 {
            self.check_format(line)?;
        }
        let record = read.map_err(|error| self.broken(&error.to_string()))?;
        if self.lines == 0 && !matches!(record.event, Event::Session(_)) {
            return Err(self.broken("the first event is not `session`"));
        }
        if record.seq != self.lines {
            let reason = format!("seq is {}, and {} should follow", record.seq, self.lines);
            return Err(self.broken(&reason));
        }
        Ok(record)
    }

    /// Checked before what the line holds: the line of a newer format need not have the keys that this program knows.
    fn check_format(&self, line: &[u8]) -> Result<(), JournalError> {
        #[derive(Deserialize)]
        struct Head {
            format: u64,
        }
        match serde_json::from_slice::<Head>(line) {
            Ok(Head { format }) if format > u64::from(FORMAT) => Err(JournalError::NewerFormat {
                path: self.path.clone(),
                format,
            }),
            _ => Ok(()),
        }
    }

    fn broken(&self, reason: &str) -> JournalError {
        JournalError::Broken {
            path: self.path.clone(),
            line: self.lines + 1,
            reason: printable(reason).into_owned(),
        }
    }

    /// Turns a failed read into an error; a line that is too long counts as broken.
    fn line_error(&self, error: io::Error) -> JournalError {
        match error.kind() {
            io::ErrorKind::InvalidData => self.broken(&error.to_string()),
            _ => self.read_error(error),
        }
    }

    fn read_error(&self, source: io::Error) -> JournalError {
        JournalError::Read {
            path: self.path.clone(),
            source,
        }
    }
}

#[cfg(test)]
#[path = "journal_tests.rs"]
pub mod tests;
