//! The engine's own thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::control::{Control, Signals};
use super::error::EngineError;
use super::reporter::Reporter;
use super::run::{Outcome, TrainJob, run};
use crate::session::{Answer, Command, Ended, Event, Found, Record};

/// candle's backward recurses through the graph: about 8,000 operations fit the usual 2 MiB.
pub(super) const STACK: usize = 512 << 20;

/// A run at work.
pub struct Running {
    /// What it says. Unbounded: a slow terminal must not hold training up.
    pub records: Receiver<Record>,
    /// Each holder may command the run; once all are dropped, a pause ends by itself.
    pub commands: Sender<Command>,
    /// Whole answers, once more.
    pub answers: Receiver<Record>,
    /// Told once the engine has come to its end: whether it did so without an error.
    pub over: Receiver<bool>,
    thread: JoinHandle<Result<Outcome, EngineError>>,
}

impl Running {
    /// The only sender of commands; this run holds none any more.
    pub fn take_commands(&mut self) -> Sender<Command> {
        std::mem::replace(&mut self.commands, bounded(0).0)
    }

    /// Waits for the run's end.
    ///
    /// # Errors
    /// What the run failed with.
    pub fn join(self) -> Result<Outcome, EngineError> {
        match self.thread.join() {
            Ok(outcome) => outcome,
            Err(_) => Err(EngineError::Failed("the engine's thread ended in a panic".to_owned())),
        }
    }
}

/// Starts the job on a thread of its own, which heeds `signals` between steps.
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
            // Where nobody asks, it is not told.
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

/// Does the work and says how it ended, whatever happens.
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
            // What hinders it hinders the last line too, which is told below.
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
        // The journal cannot be written, but viewers can still be told.
        reporter.say(ended);
        return outcome.and(Err(error));
    }
    outcome
}

fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_work_is_an_end_that_is_told() {
        let (listener, records) = unbounded();
        let (_commands, receiver) = bounded(1);
        let control = Control::new(receiver, Signals::default());
        let outcome = supervise(|_, _| panic!("a matrix is broken"), Reporter::new(listener), control);
        assert!(outcome.is_err_and(|error| error.to_string() == "the engine panicked: a matrix is broken"));
        let told: Vec<Event> = records.iter().map(|record| record.event).collect();
        assert!(
            matches!(&told[..], [Event::Ended(ended)] if ended.reason.contains("a matrix is broken")),
            "{told:?}"
        );
    }
}
