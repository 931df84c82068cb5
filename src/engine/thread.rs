//! The engine's own thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::control::{Control, Signals};
use super::error::EngineError;
use super::job::{Outcome, TrainJob};
use super::reporter::Reporter;
use super::run::run;
use crate::session::{Answer, Command, Ended, Event, Found, Record};

/// candle's backward pass recurses through the graph: the usual 2 MiB hold only about 8,000 operations.
pub(super) const STACK: usize = 512 << 20;

/// A run at work.
pub struct Running {
    /// The run's records. Unbounded, so that a slow terminal cannot delay training.
    pub records: Receiver<Record>,
    /// Each holder may command the run; once all are dropped, a paused run resumes by itself.
    pub commands: Sender<Command>,
    /// The records that the journal does not hold, among them whole answers; `records` has them too.
    pub answers: Receiver<Record>,
    /// Gets one message when the engine ends: whether it ended without an error.
    pub over: Receiver<bool>,
    thread: JoinHandle<Result<Outcome, EngineError>>,
}

impl Running {
    /// Hands over the sender of commands; this run keeps none.
    pub fn take_commands(&mut self) -> Sender<Command> {
        std::mem::replace(&mut self.commands, bounded(0).0)
    }

    /// Waits for the run's end.
    ///
    /// # Errors
    /// The error with which the run failed.
    pub fn join(self) -> Result<Outcome, EngineError> {
        match self.thread.join() {
            Ok(outcome) => outcome,
            Err(_) => Err(EngineError::Failed("the engine's thread panicked".to_owned())),
        }
    }
}

/// Starts the job on its own thread. It checks `signals` between steps; a set `terminate` also abandons the step at hand.
///
/// # Errors
/// Where no thread can be started.
pub fn start(job: TrainJob, signals: Signals) -> Result<Running, EngineError> {
    let (listener, records) = unbounded();
    let (tell, answers) = unbounded();
    let (commands, receiver) = bounded(64);
    let (end, over) = bounded(1);
    let thread = std::thread::Builder::new()
        .name("engine".to_owned())
        .stack_size(STACK)
        .spawn(move || {
            let reporter = Reporter::new(listener).of_run(tell, signals.clone());
            let work = |reporter: &mut Reporter, control: &mut Control| run(job, reporter, control);
            let outcome = supervise(work, reporter, Control::new(receiver, signals));
            // If nobody holds the receiver, there is nobody to tell.
            let _ = end.send(outcome.is_ok());
            outcome
        })
        .map_err(|error| EngineError::Failed(format!("cannot start the engine's thread: {error}")))?;
    Ok(Running {
        records,
        commands,
        answers,
        over,
        thread,
    })
}

/// Does the work and reports how it ended, even after a panic.
fn supervise(
    work: impl FnOnce(&mut Reporter, &mut Control) -> Result<Outcome, EngineError>,
    mut reporter: Reporter,
    mut control: Control,
) -> Result<Outcome, EngineError> {
    let outcome = catch_unwind(AssertUnwindSafe(|| work(&mut reporter, &mut control))).unwrap_or_else(|panic| {
        Err(EngineError::Failed(format!(
            "the engine panicked: {}",
            message(&*panic)
        )))
    });
    let outcome = match outcome {
        Err(EngineError::Interrupted) => Ok(Outcome::Stopped),
        outcome => outcome,
    };
    let reason = match &outcome {
        Ok(Outcome::Done) => "done".to_owned(),
        Ok(Outcome::Stopped) => "stopped".to_owned(),
        Err(error) => error.to_string(),
    };
    if let Some(((stage, step), left)) = control.unanswered() {
        for request in left {
            let found = Found::Failed("the run ended before this was answered; ask again".to_owned());
            // An error here also affects the last line below, which reports it.
            drop(reporter.answer(Answer {
                stage,
                step,
                request,
                found,
            }));
        }
    }
    let ended = Event::Ended(Ended { reason });
    if let Err(error) = reporter.report(ended.clone()) {
        // The journal cannot be written, but viewers can still get the event.
        reporter.send(ended);
        return outcome.and(Err(error));
    }
    outcome
}

fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        // Of a failed `unwrap` it may hold a backtrace.
        .and_then(|message| message.lines().next())
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_reported_as_the_end_of_the_run() {
        let (listener, records) = unbounded();
        let (_commands, receiver) = bounded(1);
        let control = Control::new(receiver, Signals::default());
        let outcome = supervise(
            |_, _| panic!("a matrix is broken\n   0: a frame"),
            Reporter::new(listener),
            control,
        );
        assert!(outcome.is_err_and(|error| error.to_string() == "the engine panicked: a matrix is broken"));
        let events: Vec<Event> = records.iter().map(|record| record.event).collect();
        assert!(
            matches!(&events[..], [Event::Ended(ended)] if ended.reason.contains("a matrix is broken")),
            "{events:?}"
        );
    }
}
