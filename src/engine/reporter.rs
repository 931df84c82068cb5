//! The engine's one way to speak: each event goes to the journal, then to whoever listens.

use crossbeam_channel::Sender;

use super::error::EngineError;
use crate::session::{
    Answer, Event, JournalWriter, Log, Phase, Progress, Record, SessionFolder, SessionStart, Stage, Warning, now,
};

/// Writes and sends the events of a run.
pub struct Reporter {
    listener: Sender<Record>,
    /// None before the session's first line: what is said until then is shown but not kept.
    journal: Option<JournalWriter>,
}

impl Reporter {
    /// A reporter without a journal yet.
    #[must_use]
    pub const fn new(listener: Sender<Record>) -> Self {
        Self {
            listener,
            journal: None,
        }
    }

    /// Begins the session's journal.
    ///
    /// # Errors
    /// Where the journal cannot be written.
    pub fn begin(&mut self, folder: &SessionFolder, start: SessionStart) -> Result<(), EngineError> {
        self.journal = Some(JournalWriter::open(&folder.journal())?);
        self.report(Event::Session(Box::new(start)))
    }

    /// Goes on with the session's journal.
    ///
    /// # Errors
    /// Where the journal cannot be read or written.
    pub fn go_on(&mut self, folder: &SessionFolder) -> Result<(), EngineError> {
        self.journal = Some(JournalWriter::open(&folder.journal())?);
        Ok(())
    }

    /// Writes and sends an event. That nobody listens any more is no error: the run goes on headless.
    ///
    /// # Errors
    /// Where the journal cannot be written.
    pub fn report(&mut self, event: Event) -> Result<(), EngineError> {
        let record = match &mut self.journal {
            Some(journal) => journal.append(event)?,
            None => Record {
                seq: 0,
                time: now(),
                event,
            },
        };
        drop(self.listener.send(record));
        Ok(())
    }

    /// An answer to a person, whole to whoever listens and without its maps to the journal.
    ///
    /// # Errors
    /// As [`Self::report`].
    pub fn answer(&mut self, answer: Answer) -> Result<(), EngineError> {
        let mut record = match &mut self.journal {
            Some(journal) => journal.append(Event::Answer(Box::new(answer.without_maps())))?,
            None => return self.report(Event::Answer(Box::new(answer))),
        };
        record.event = Event::Answer(Box::new(answer));
        drop(self.listener.send(record));
        Ok(())
    }

    /// A named phase began.
    ///
    /// # Errors
    /// As [`Self::report`].
    pub fn phase(&mut self, name: impl Into<String>, stage: Option<Stage>) -> Result<(), EngineError> {
        self.report(Event::Phase(Phase {
            name: name.into(),
            stage,
        }))
    }

    /// How far a phase is.
    ///
    /// # Errors
    /// As [`Self::report`].
    pub fn progress(&mut self, phase: &str, done: u64, total: u64) -> Result<(), EngineError> {
        self.report(Event::Progress(Progress {
            phase: phase.to_owned(),
            done,
            total,
            memory: resident_bytes(),
        }))
    }

    /// A line of the log.
    ///
    /// # Errors
    /// As [`Self::report`].
    pub fn log(&mut self, text: impl Into<String>) -> Result<(), EngineError> {
        self.report(Event::Log(Log { text: text.into() }))
    }

    /// Something a person should know.
    ///
    /// # Errors
    /// As [`Self::report`].
    pub fn warn(&mut self, text: impl Into<String>, step: Option<u64>) -> Result<(), EngineError> {
        self.report(Event::Warning(Warning {
            text: text.into(),
            step,
        }))
    }
}

/// Resident memory of this process, where the system tells it.
fn resident_bytes() -> Option<u64> {
    let pages: u64 = std::fs::read_to_string("/proc/self/statm")
        .ok()?
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()?;
    Some(pages * rustix::param::page_size() as u64)
}
