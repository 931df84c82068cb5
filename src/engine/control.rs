//! Commands to a running engine, taken between steps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::error::EngineError;
use super::reporter::Reporter;
use crate::session::{Command, CommandRecord, Event, Request, Stage, StopAfter};

/// What was asked for and is still to be done.
pub struct Control {
    commands: Receiver<Command>,
    /// Set by SIGTERM: stop after the step.
    terminate: Arc<AtomicBool>,
    pub stop: Option<StopAfter>,
    pub evaluate: bool,
    pub checkpoint: bool,
    pub lr: Option<f64>,
    pub requests: Vec<Request>,
    pub paused: bool,
    /// Where the run was when it last listened.
    last: Option<(Stage, u64)>,
}

impl Control {
    /// Nothing asked for yet.
    #[must_use]
    pub const fn new(commands: Receiver<Command>, terminate: Arc<AtomicBool>) -> Self {
        Self {
            commands,
            terminate,
            stop: None,
            evaluate: false,
            checkpoint: false,
            lr: None,
            requests: Vec::new(),
            paused: false,
            last: None,
        }
    }

    /// Takes what has come, and waits while paused.
    ///
    /// # Errors
    /// Where the journal cannot be written.
    pub fn poll(&mut self, reporter: &mut Reporter, stage: Stage, step: u64) -> Result<(), EngineError> {
        self.listen(reporter, (stage, step), true)
    }

    /// Pauses of the run's own accord.
    ///
    /// # Errors
    /// Where the journal cannot be written.
    pub fn pause(&mut self, reporter: &mut Reporter, stage: Stage, step: u64) -> Result<(), EngineError> {
        self.take(Command::Pause, reporter, stage, step)
    }

    /// Pauses of the run's own accord, and waits until it is told to go on or to end, whatever else is asked for.
    ///
    /// # Errors
    /// Where the journal cannot be written.
    pub fn hold(&mut self, reporter: &mut Reporter, stage: Stage, step: u64) -> Result<(), EngineError> {
        self.pause(reporter, stage, step)?;
        self.listen(reporter, (stage, step), false)
    }

    /// Whether the process is to end.
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        self.terminate.load(Ordering::Relaxed)
    }

    /// Takes what has come, and waits while paused; `asked` ends the wait if it counts.
    fn listen(
        &mut self,
        reporter: &mut Reporter,
        (stage, step): (Stage, u64),
        asking_counts: bool,
    ) -> Result<(), EngineError> {
        self.last = Some((stage, step));
        loop {
            while let Ok(command) = self.commands.try_recv() {
                self.take(command, reporter, stage, step)?;
            }
            if self.is_terminated() {
                self.stop = Some(StopAfter::Step);
            }
            let asked = asking_counts && (self.evaluate || self.checkpoint || !self.requests.is_empty());
            if !self.paused || self.stop.is_some() || asked {
                return Ok(());
            }
            // The time-out is for SIGTERM, which no channel tells.
            match self.commands.recv_timeout(std::time::Duration::from_millis(200)) {
                Ok(command) => self.take(command, reporter, stage, step)?,
                Err(RecvTimeoutError::Timeout) => {}
                // Nobody is left who could resume.
                Err(RecvTimeoutError::Disconnected) => self.paused = false,
            }
        }
    }

    /// Questions that the run's end leaves without an answer, and where the run was.
    pub fn unanswered(&mut self) -> Option<((Stage, u64), Vec<Request>)> {
        let mut left = std::mem::take(&mut self.requests);
        left.extend(self.commands.try_iter().filter_map(|command| match command {
            Command::Ask(request) => Some(request),
            _ => None,
        }));
        self.last.filter(|_| !left.is_empty()).map(|last| (last, left))
    }

    fn take(&mut self, command: Command, reporter: &mut Reporter, stage: Stage, step: u64) -> Result<(), EngineError> {
        match &command {
            Command::Pause => self.paused = true,
            Command::Resume => self.paused = false,
            Command::Stop { after } => self.stop = Some(*after),
            Command::Checkpoint => self.checkpoint = true,
            Command::Evaluate => self.evaluate = true,
            Command::SetLearningRate { lr } if lr.is_finite() && *lr >= 0.0 => self.lr = Some(*lr),
            Command::SetLearningRate { lr } => {
                return reporter.warn(format!("a learning rate of {lr} was refused"), Some(step));
            }
            Command::Ask(request) => self.requests.push(request.clone()),
        }
        reporter.report(Event::Command(CommandRecord {
            command,
            stage: Some(stage),
            step,
        }))
    }
}
