//! The engine's only output channel: each event goes to the journal, then to the listener.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use super::clock::{Clock, jump_line};
use super::control::Signals;
use super::error::EngineError;
use super::pace::{Pace, Report};
use crate::operating_system::resident_bytes;
use crate::session::{
    Answer, Event, JournalWriter, Log, Phase, Progress, Record, SessionFolder, SessionStart, Stage, UNKEPT, Warning,
    now,
};

/// How long to wait before retrying a journal that cannot be written.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// Writes and sends the events of a run.
pub struct Reporter {
    listener: Sender<Record>,
    /// For viewers that read the journal: the records that it does not hold, such as answers with their maps, or the warning
    /// that it cannot be written.
    answers: Option<Sender<Record>>,
    /// Set when the process is about to exit.
    terminate: Arc<AtomicBool>,
    /// Set when a checkpoint is wanted at once.
    checkpoint: Arc<AtomicBool>,
    /// The run has waited for a journal that could not be written, and has not yet recorded that in it.
    waited: bool,
    pace: Pace,
    /// `None` before the session's first line: until then, events are sent but not recorded.
    journal: Option<JournalWriter>,
    clock: Clock,
}

impl Reporter {
    /// A reporter without a journal yet.
    #[must_use]
    pub fn new(listener: Sender<Record>) -> Self {
        Self {
            listener,
            answers: None,
            terminate: Arc::default(),
            checkpoint: Arc::default(),
            waited: false,
            pace: Pace::default(),
            journal: None,
            clock: Clock::default(),
        }
    }

    /// The reporter of a run: also sends to `answers` the records that the journal does not hold, and stops waiting for the
    /// journal once the process is about to exit.
    #[must_use]
    pub fn of_run(self, answers: Sender<Record>, signals: Signals) -> Self {
        Self {
            answers: Some(answers),
            terminate: signals.terminate,
            checkpoint: signals.checkpoint,
            ..self
        }
    }

    /// Begins the session's journal.
    ///
    /// # Errors
    /// Where the journal cannot be written.
    pub fn begin(&mut self, folder: &SessionFolder, start: SessionStart) -> Result<(), EngineError> {
        folder.check_in_place()?;
        self.journal = Some(JournalWriter::open(&folder.journal())?);
        self.report(Event::Session(Box::new(start)))
    }

    /// Continues the session's journal. The first line says how long nobody worked on the session, because its last process
    /// may have been killed without recording its end.
    ///
    /// # Errors
    /// Where the journal cannot be read or written.
    pub fn go_on(&mut self, folder: &SessionFolder) -> Result<(), EngineError> {
        folder.check_in_place()?;
        let journal = JournalWriter::open(&folder.journal())?;
        let idle = journal.last_time().map(|last| now() - last);
        self.journal = Some(journal);
        self.report(Event::Log(Log {
            clock_jump_s: idle,
            ..Log::new("another process has resumed the session")
        }))
    }

    /// Writes and sends an event. It is no error if nobody listens any more: the run goes on headless.
    ///
    /// # Errors
    /// Where the journal cannot be written.
    pub fn report(&mut self, event: Event) -> Result<(), EngineError> {
        // Nothing follows the end: a later line would mean that another process has resumed the session.
        let is_end = matches!(event, Event::Ended(_));
        if self.journal.is_some()
            && let Some(jump) = self.clock.jump()
            && let Some(record) = self.keep(&Event::Log(jump_line(jump)))?
        {
            drop(self.listener.send(record));
        }
        match self.keep(&event)? {
            Some(record) => drop(self.listener.send(record)),
            None => self.send(event),
        }
        if std::mem::take(&mut self.waited) && !is_end {
            return self.warn("the journal could not be written for a while, so the run waited", None);
        }
        Ok(())
    }

    /// Sends an event that the journal does not hold.
    pub fn send(&self, event: Event) {
        let record = Record::new(UNKEPT, now(), event);
        if let Some(answers) = &self.answers {
            drop(answers.send(record.clone()));
        }
        drop(self.listener.send(record));
    }

    /// Flushes the journal to the disk.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn sync(&self) -> Result<(), EngineError> {
        let Some(journal) = &self.journal else { return Ok(()) };
        journal.sync().map_err(|source| EngineError::Write {
            path: journal.path().display().to_string(),
            source,
        })
    }

    /// Writes an event into the journal, if there is one yet. If the disk is full or gone, the run waits until it can write
    /// again or the process is about to exit.
    fn keep(&mut self, event: &Event) -> Result<Option<Record>, EngineError> {
        let Some(mut journal) = self.journal.take() else {
            return Ok(None);
        };
        let kept = loop {
            match journal.append(event.clone()) {
                Err(error) if error.may_pass() && !self.terminate.load(Ordering::Relaxed) => {
                    if !std::mem::replace(&mut self.waited, true) {
                        let text = format!("{error}. The run waits until it can be written");
                        self.send(Event::Warning(Warning { text, step: None }));
                    }
                    std::thread::sleep(RETRY_INTERVAL);
                }
                kept => break kept,
            }
        };
        self.journal = Some(journal);
        Ok(Some(kept?))
    }

    /// Reports an answer to a person: the listeners get all of it, the journal gets it without its maps.
    ///
    /// # Errors
    /// As [`Self::report`].
    pub fn answer(&mut self, answer: Answer) -> Result<(), EngineError> {
        let Some(mut record) = self.keep(&Event::Answer(Box::new(answer.without_maps())))? else {
            self.send(Event::Answer(Box::new(answer)));
            return Ok(());
        };
        record.event = Event::Answer(Box::new(answer));
        if let Some(answers) = &self.answers {
            drop(answers.send(record.clone()));
        }
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

    /// Fails once the process is about to exit, so that long work is abandoned.
    ///
    /// # Errors
    /// [`EngineError::Interrupted`].
    pub fn unless_interrupted(&self) -> Result<(), EngineError> {
        if self.terminate.load(Ordering::Relaxed) {
            return Err(EngineError::Interrupted);
        }
        Ok(())
    }

    /// Reports progress in a phase: its first and last value to the journal, and what lies between at most twice a second to
    /// those who watch.
    ///
    /// # Errors
    /// As [`Self::report`], and where the process is about to exit.
    pub fn progress(&mut self, phase: &str, done: u64, total: u64) -> Result<(), EngineError> {
        if let Some(report) = self.pace.due(phase, (done, total), Instant::now()) {
            let progress = Event::Progress(Progress {
                phase: phase.to_owned(),
                done,
                // If the amount has outgrown its announced total, the total is unknown (0).
                total: if done > total { 0 } else { total },
                memory: resident_bytes(),
            });
            match report {
                Report::Kept => self.report(progress)?,
                Report::Shown => self.send(progress),
            }
        }
        self.unless_interrupted()
    }

    /// Reports progress in an evaluation. An evaluation can be repeated, so it is abandoned if the process is about to exit,
    /// or if a checkpoint is wanted, which may not wait for it.
    ///
    /// # Errors
    /// As [`Self::progress`]; also [`EngineError::Interrupted`] if a checkpoint is wanted.
    pub fn evaluating(&mut self, done: u64, total: u64) -> Result<(), EngineError> {
        self.progress("evaluating", done, total)?;
        if self.checkpoint.load(Ordering::Relaxed) {
            return Err(EngineError::Interrupted);
        }
        Ok(())
    }

    /// A line of the log.
    ///
    /// # Errors
    /// As [`Self::report`].
    pub fn log(&mut self, text: impl Into<String>) -> Result<(), EngineError> {
        self.report(Event::Log(Log::new(text)))
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

#[cfg(test)]
mod tests {
    use std::fs;

    use crossbeam_channel::unbounded;

    use super::*;
    use crate::session::{RunState, RunStatus, read_journal};

    /// The last process was killed, or ended, at a time long past.
    #[test]
    fn the_time_between_two_processes_does_not_count_as_work() {
        let root = tempfile::tempdir().unwrap();
        let example = include_str!("../../sessions/example/journal.jsonl");
        let lines: Vec<&str> = example.lines().collect();
        let steps = lines.iter().filter(|line| line.contains("\"event\":\"step\"")).count();
        // Cut amid the steps, as a kill does, and whole.
        for (name, kept) in [("killed", lines.len() / 2), ("ended", lines.len())] {
            let folder = SessionFolder::create(root.path(), name).unwrap();
            fs::write(folder.journal(), lines[..kept].join("\n") + "\n").unwrap();
            let fold = || {
                let mut state = RunState::default();
                read_journal(&folder.journal())
                    .unwrap()
                    .iter()
                    .for_each(|record| state.apply(record));
                state
            };
            let before = fold();
            let mut reporter = Reporter::new(unbounded().0);
            reporter.go_on(&folder).unwrap();
            reporter.log("loading").unwrap();
            let after = fold();
            assert!(steps > 2 && before.active_s > 0.0);
            assert!(
                (after.active_s - before.active_s).abs() < 5.0,
                "{name}: {}",
                after.active_s
            );
            assert_eq!(after.status(), RunStatus::Running, "{name}: another process is at work");
        }
    }

    #[test]
    fn the_end_stays_the_last_line_where_the_run_had_to_wait_to_write_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = SessionFolder::create(root.path(), "run").unwrap();
        let example = include_str!("../../sessions/example/journal.jsonl");
        fs::write(folder.journal(), format!("{}\n", example.lines().next().unwrap())).unwrap();
        let mut reporter = Reporter::new(unbounded().0);
        reporter.go_on(&folder).unwrap();
        reporter.waited = true;
        reporter
            .report(Event::Ended(crate::session::Ended { reason: "done".into() }))
            .unwrap();
        let mut state = RunState::default();
        read_journal(&folder.journal())
            .unwrap()
            .iter()
            .for_each(|record| state.apply(record));
        assert_eq!(state.status(), RunStatus::Done);
    }
}
