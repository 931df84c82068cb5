//! Commands to a running engine, taken between steps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::error::EngineError;
use super::reporter::Reporter;
use crate::session::{Command, CommandRecord, Event, HIGHEST_RATE, Request, Stage, StopAfter};

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
        // What is asked for while paused is done while paused.
        let asked = |control: &Self| control.evaluate || control.checkpoint || !control.requests.is_empty();
        self.listen(reporter, (stage, step), asked)
    }

    /// Pauses of the run's own accord.
    ///
    /// # Errors
    /// Where the journal cannot be written.
    pub fn pause(&mut self, reporter: &mut Reporter, stage: Stage, step: u64) -> Result<(), EngineError> {
        self.take(Command::Pause, reporter, stage, step)
    }

    /// Goes on of the run's own accord.
    ///
    /// # Errors
    /// Where the journal cannot be written.
    pub fn resume(&mut self, reporter: &mut Reporter, stage: Stage, step: u64) -> Result<(), EngineError> {
        self.take(Command::Resume, reporter, stage, step)
    }

    /// Waits while paused until the run is told to go on or to end, whatever else is asked for, and no longer than
    /// `patience`.
    ///
    /// # Errors
    /// Where the journal cannot be written.
    pub fn hold(
        &mut self,
        reporter: &mut Reporter,
        (stage, step): (Stage, u64),
        patience: Duration,
    ) -> Result<(), EngineError> {
        let begin = Instant::now();
        self.listen(reporter, (stage, step), |_| begin.elapsed() >= patience)
    }

    /// Whether the run is to stop where it is.
    #[must_use]
    pub fn stops_now(&self) -> bool {
        self.is_terminated() || self.stop == Some(StopAfter::Step)
    }

    /// Whether the process is to end.
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        self.terminate.load(Ordering::Relaxed)
    }

    /// Takes what has come, and waits while paused, until it is to stop or what `enough` waits for has come.
    fn listen(
        &mut self,
        reporter: &mut Reporter,
        (stage, step): (Stage, u64),
        enough: impl Fn(&Self) -> bool,
    ) -> Result<(), EngineError> {
        self.last = Some((stage, step));
        loop {
            while let Ok(command) = self.commands.try_recv() {
                self.take(command, reporter, stage, step)?;
            }
            if self.is_terminated() {
                self.stop = Some(StopAfter::Step);
            }
            if !self.paused || self.stops_now() || enough(self) {
                return Ok(());
            }
            // The time-out is for SIGTERM, which no channel tells.
            match self.commands.recv_timeout(Duration::from_millis(200)) {
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
            Command::SetLearningRate { lr } if (0.0..=HIGHEST_RATE).contains(lr) => self.lr = Some(*lr),
            Command::SetLearningRate { lr } => {
                return reporter.warn(
                    format!("a learning rate of {lr} was refused; allowed is a number from 0 to {HIGHEST_RATE}"),
                    Some(step),
                );
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

#[cfg(test)]
mod tests {
    use crossbeam_channel::unbounded;

    use super::*;

    #[test]
    fn a_rate_outside_the_range_is_refused_with_it() {
        let (commands, receiver) = unbounded();
        let (listener, records) = unbounded();
        let (mut control, mut reporter) = (Control::new(receiver, Arc::default()), Reporter::new(listener));
        for lr in [1e39, f64::INFINITY, f64::NAN, -1e-3, 1.5] {
            commands.send(Command::SetLearningRate { lr }).unwrap();
            control.poll(&mut reporter, Stage::Prompt, 3).unwrap();
            assert_eq!(control.lr, None, "{lr}");
            let said = records.try_iter().last().map(|record| record.event);
            assert!(
                matches!(&said, Some(Event::Warning(warning)) if warning.text.contains("from 0 to 1")),
                "{said:?}"
            );
        }
        commands.send(Command::SetLearningRate { lr: 0.5 }).unwrap();
        control.poll(&mut reporter, Stage::Prompt, 3).unwrap();
        assert_eq!(control.lr, Some(0.5));
    }
}
