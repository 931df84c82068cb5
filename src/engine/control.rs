//! Commands and signals to a running engine, taken between steps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, TryRecvError};

use super::error::EngineError;
use super::reporter::Reporter;
use crate::nn::Interrupt;
use crate::session::{Command, CommandRecord, Event, HIGHEST_RATE, Request, Stage, StopAfter};

/// How often a waiting run polls the signal flags: signals do not arrive on a channel.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// What the system's signals ask of a run.
#[derive(Debug, Clone, Default)]
pub struct Signals {
    /// Give up the computation at hand, write a checkpoint and end.
    pub terminate: Arc<AtomicBool>,
    /// Write a checkpoint and go on. The stage's loop clears it.
    pub checkpoint: Arc<AtomicBool>,
}

/// The requests that are still to be carried out.
pub struct Control {
    commands: Receiver<Command>,
    signals: Signals,
    /// All command senders are gone, so no command can arrive any more.
    forsaken: bool,
    pub stop: Option<StopAfter>,
    pub evaluate: bool,
    pub checkpoint: bool,
    pub lr: Option<f64>,
    pub requests: Vec<Request>,
    pub paused: bool,
    /// The stage and step at the last poll.
    last: Option<(Stage, u64)>,
}

impl Control {
    /// A control without pending requests.
    #[must_use]
    pub const fn new(commands: Receiver<Command>, signals: Signals) -> Self {
        Self {
            commands,
            signals,
            forsaken: false,
            stop: None,
            evaluate: false,
            checkpoint: false,
            lr: None,
            requests: Vec::new(),
            paused: false,
            last: None,
        }
    }

    /// Takes the pending commands, and waits while paused. A paused run whose command senders are all gone resumes by itself.
    ///
    /// # Errors
    /// Where the journal cannot be written.
    pub fn poll(&mut self, reporter: &mut Reporter, stage: Stage, step: u64) -> Result<(), EngineError> {
        // Evaluations, checkpoints and questions that arrive during a pause are handled during the pause.
        let asked = |control: &Self| control.evaluate || control.checkpoint || !control.requests.is_empty();
        self.listen(reporter, (stage, step), |control| control.forsaken || asked(control))?;
        if self.paused && self.forsaken && !self.stops_now() && !asked(self) {
            let text = "the paused run has no screen and no control socket left that could resume it, so it resumes \
                        by itself";
            reporter.warn(text, Some(step))?;
            self.resume(reporter, stage, step)?;
        }
        Ok(())
    }

    /// Pauses on the run's own initiative.
    ///
    /// # Errors
    /// Where the journal cannot be written.
    pub fn pause(&mut self, reporter: &mut Reporter, stage: Stage, step: u64) -> Result<(), EngineError> {
        self.take(Command::Pause, reporter, stage, step)
    }

    /// Resumes on the run's own initiative.
    ///
    /// # Errors
    /// Where the journal cannot be written.
    pub fn resume(&mut self, reporter: &mut Reporter, stage: Stage, step: u64) -> Result<(), EngineError> {
        self.take(Command::Resume, reporter, stage, step)
    }

    /// Waits while paused, at most for `patience`, until a command resumes or stops the run; no other command ends the wait.
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

    /// Whether the process is about to exit.
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        self.signals.terminate.load(Ordering::Relaxed)
    }

    /// A handle by which computations notice that the process is about to exit, and give up.
    #[must_use]
    pub fn interrupt(&self) -> Interrupt {
        Interrupt(Arc::clone(&self.signals.terminate))
    }

    /// Takes the pending commands; while paused, waits until the run is to stop or `enough` holds.
    fn listen(
        &mut self,
        reporter: &mut Reporter,
        (stage, step): (Stage, u64),
        enough: impl Fn(&Self) -> bool,
    ) -> Result<(), EngineError> {
        self.last = Some((stage, step));
        loop {
            if self.signals.checkpoint.swap(false, Ordering::Relaxed) {
                self.take(Command::Checkpoint, reporter, stage, step)?;
            }
            loop {
                match self.commands.try_recv() {
                    Ok(command) => self.take(command, reporter, stage, step)?,
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => {
                        self.forsaken = true;
                        break;
                    }
                }
            }
            if self.is_terminated() {
                self.stop = Some(StopAfter::Step);
            }
            if !self.paused || self.stops_now() || enough(self) {
                return Ok(());
            }
            if self.forsaken {
                std::thread::sleep(POLL_INTERVAL);
            } else if let Ok(command) = self.commands.recv_timeout(POLL_INTERVAL) {
                self.take(command, reporter, stage, step)?;
            }
        }
    }

    /// The questions that were not answered before the run ended, with the run's last stage and step.
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
    use crossbeam_channel::{Sender, bounded, unbounded};

    use super::*;
    use crate::session::Record;

    const AT: (Stage, u64) = (Stage::Prompt, 3);

    struct Fixture {
        commands: Sender<Command>,
        signals: Signals,
        control: Control,
        reporter: Reporter,
        records: Receiver<Record>,
    }

    impl Fixture {
        fn new() -> Self {
            let (commands, receiver) = bounded(8);
            let (listener, records) = unbounded();
            let signals = Signals::default();
            Self {
                commands,
                control: Control::new(receiver, signals.clone()),
                signals,
                reporter: Reporter::new(listener),
                records,
            }
        }

        fn events(records: &Receiver<Record>) -> Vec<Event> {
            records.try_iter().map(|record| record.event).collect()
        }
    }

    #[test]
    fn a_rate_outside_the_range_is_refused_with_it() {
        let (commands, receiver) = unbounded();
        let (listener, records) = unbounded();
        let (mut control, mut reporter) = (Control::new(receiver, Signals::default()), Reporter::new(listener));
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

    #[test]
    fn a_paused_run_that_nobody_can_resume_resumes_itself_with_a_warning() {
        let Fixture {
            commands,
            mut control,
            mut reporter,
            records,
            ..
        } = Fixture::new();
        commands.send(Command::Pause).unwrap();
        let leaves = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            drop(commands);
        });
        control.poll(&mut reporter, AT.0, AT.1).unwrap();
        leaves.join().unwrap();
        assert!(!control.paused);
        let events = Fixture::events(&records);
        let [Event::Command(paused), Event::Warning(why), Event::Command(resumed)] = &events[..] else {
            panic!("{events:?}")
        };
        assert_eq!((&paused.command, &resumed.command), (&Command::Pause, &Command::Resume));
        assert!(why.text.contains("resumes by itself"), "{}", why.text);
        // The run resumed once; a second poll reports nothing.
        control.poll(&mut reporter, AT.0, AT.1).unwrap();
        assert!(Fixture::events(&records).is_empty());
    }

    #[test]
    fn a_run_waits_for_the_disk_even_without_viewers() {
        let Fixture {
            commands,
            mut control,
            mut reporter,
            ..
        } = Fixture::new();
        control.pause(&mut reporter, AT.0, AT.1).unwrap();
        drop(commands);
        let (begin, patience) = (Instant::now(), Duration::from_millis(300));
        control.hold(&mut reporter, AT, patience).unwrap();
        assert!(control.paused && begin.elapsed() >= patience);
    }

    #[test]
    fn a_signal_requests_one_checkpoint_paused_or_not() {
        let mut fixture = Fixture::new();
        for paused in [false, true] {
            if paused {
                fixture.control.pause(&mut fixture.reporter, AT.0, AT.1).unwrap();
            }
            fixture.signals.checkpoint.store(true, Ordering::Relaxed);
            fixture.control.poll(&mut fixture.reporter, AT.0, AT.1).unwrap();
            assert!(std::mem::take(&mut fixture.control.checkpoint));
            assert!(!fixture.signals.checkpoint.load(Ordering::Relaxed));
            assert_eq!(fixture.control.paused, paused);
        }
        fixture.signals.terminate.store(true, Ordering::Relaxed);
        fixture.control.poll(&mut fixture.reporter, AT.0, AT.1).unwrap();
        assert!(fixture.control.stops_now() && !fixture.control.checkpoint);
        drop(fixture.commands);
    }
}
