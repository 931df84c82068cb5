//! What a run's records say, as lines of text.

use crate::printable::printable;
use crate::session::{Event, Progress, Record, RunState, SessionStart, Step};

/// After this many seconds without a line, the phase's progress gets one.
const SILENCE: f64 = 10.0;

/// The output for one record.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    Nothing,
    /// Worth a line of its own.
    Lasting(String),
    /// Shown by the bar, where there is one; else a line.
    Passing(String),
}

/// Follows the state of a run and writes a line for each record that is worth one.
pub(super) struct RunLines {
    pub state: RunState,
    logging_steps: u64,
    /// The time of the last line, by the records' clock.
    last_line: f64,
}

impl RunLines {
    pub fn new(logging_steps: u64) -> Self {
        Self {
            state: RunState::default(),
            logging_steps: logging_steps.max(1),
            last_line: f64::NEG_INFINITY,
        }
    }

    pub fn line_for(&mut self, record: &Record) -> Line {
        // The log is bounded, so its length alone does not show whether a line was added.
        let end = |state: &RunState| (state.log.len(), state.log.back().cloned());
        let before = end(&self.state);
        self.state.apply(record);
        self.state.forget_past();
        let after = end(&self.state);
        let logged = if after == before { None } else { after.1 };
        let line = match (&record.event, logged) {
            (Event::Session(start), _) => Line::Lasting(session_line(start)),
            (Event::Step(step), _) if self.is_due(step) => Line::Passing(step_line(&self.state, step)),
            (Event::Progress(progress), _) if record.time - self.last_line >= SILENCE => {
                Line::Passing(progress_line(progress))
            }
            (event, Some(logged)) => Line::Lasting(logged_line(event, &logged.text)),
            _ => Line::Nothing,
        };
        if line != Line::Nothing {
            self.last_line = record.time;
        }
        line
    }

    fn is_due(&self, step: &Step) -> bool {
        step.step.is_multiple_of(self.logging_steps) || self.state.planned_steps(step.stage) == Some(step.step)
    }
}

/// The state's log line for an event, with the stage added where the text lacks it.
fn logged_line(event: &Event, text: &str) -> String {
    let stage = match event {
        Event::Phase(phase) => phase.stage,
        Event::Evaluation(evaluation) => Some(evaluation.stage),
        Event::Checkpoint(checkpoint) => Some(checkpoint.stage),
        _ => None,
    };
    match (event, stage) {
        (Event::Warning(_), _) => format!("warning: {}", one_line(text)),
        (_, Some(stage)) => format!("{}: {}", stage.name(), one_line(text)),
        _ => one_line(text),
    }
}

fn session_line(start: &SessionStart) -> String {
    let [train, val, test] = start.splits;
    let plan: Vec<String> = start
        .plan
        .iter()
        .map(|(stage, steps)| format!("{} {steps} steps", stage.name()))
        .collect();
    format!(
        "session {}: {} on {}; {} at {} ({train} train, {val} val, {test} test); {}",
        one_line(&start.name),
        one_line(&start.model),
        one_line(&start.device),
        one_line(&start.dataname),
        one_line(&start.data),
        plan.join(", ")
    )
}

fn step_line(state: &RunState, step: &Step) -> String {
    let total = state
        .planned_steps(step.stage)
        .map(|total| format!("/{total}"))
        .unwrap_or_default();
    format!("{} {}{total}  {}", step.stage.name(), step.step, figures(state, step))
}

/// `loss 1.2345  lr 2.00e-4  8.1 samples/s  ETA 0:12:05`.
pub(super) fn figures(state: &RunState, step: &Step) -> String {
    let rate = state.throughput().unwrap_or(step.samples_per_s);
    let eta = state.eta().map(|eta| {
        let more = if eta.more_stages { " + next stage" } else { "" };
        format!("  ETA {}{more}", duration(eta.stage_s))
    });
    format!(
        "loss {:.4}  lr {:.2e}  {rate:.1} samples/s{}",
        step.loss,
        step.lr,
        eta.unwrap_or_default()
    )
}

fn progress_line(progress: &Progress) -> String {
    format!("{} {}", one_line(&progress.phase), progress.counts())
}

/// Text from files and errors as one line: line breaks become spaces.
pub(super) fn one_line(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(printable).collect();
    lines.join(" ")
}

/// `1:02:03`, hours first.
pub fn duration(seconds: f64) -> String {
    let seconds = seconds as u64;
    format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Ended, Evaluation, Metrics, Phase, SavedCheckpoint, Stage, Warning};

    fn start() -> Event {
        Event::Session(Box::new(SessionStart {
            format: 1,
            program: "masp 0.1.0".into(),
            name: "run".into(),
            settings: serde_json::Value::Null,
            model: "tiny\u{1b}[2J".into(),
            data: "data".into(),
            drawn: None,
            dataname: "EmoSet".into(),
            classes: vec![],
            splits: [20, 4, 6],
            device: "cpu, 2 threads".into(),
            views: vec![],
            plan: vec![(Stage::Aspects, 5), (Stage::Prompt, 2)],
        }))
    }

    fn step(stage: Stage, step: u64, loss: f64) -> Event {
        Event::Step(crate::made_up::step(stage, step, loss))
    }

    fn evaluation() -> Event {
        let metrics = Metrics {
            accuracy: 0.5,
            samples: 4,
            ..Metrics::default()
        };
        Event::Evaluation(Box::new(Evaluation {
            stage: Stage::Prompt,
            step: 2,
            loss: 1.25,
            aspect_accuracy: vec![],
            metrics,
            predictions: None,
        }))
    }

    /// The lines without a bar, for events that are `seconds` apart.
    fn printed(events: Vec<Event>, seconds: f64) -> Vec<String> {
        let mut lines = RunLines::new(2);
        let records = (0..).zip(events).map(|(seq, event)| Record {
            seq,
            time: 1e9 + seconds * seq as f64,
            event,
        });
        records
            .map(|record| lines.line_for(&record))
            .filter_map(|line| match line {
                Line::Nothing => None,
                Line::Lasting(text) | Line::Passing(text) => Some(text),
            })
            .collect()
    }

    #[test]
    fn a_run_as_plain_lines() {
        let phase = |name: &str, stage| {
            Event::Phase(Phase {
                name: name.into(),
                stage: Some(stage),
            })
        };
        let mut events = vec![start(), phase("training", Stage::Aspects)];
        events.push(phase("training", Stage::Aspects));
        events.extend((1..=5).map(|n| step(Stage::Aspects, n, f64::from(n as u32))));
        events.extend([
            step(Stage::Prompt, 1, 0.5),
            step(Stage::Prompt, 2, f64::NAN),
            evaluation(),
        ]);
        events.push(Event::Checkpoint(SavedCheckpoint {
            stage: Stage::Prompt,
            step: 2,
            file: "c".into(),
            best: true,
        }));
        events.push(Event::Warning(Warning {
            text: "loss is\nnot finite".into(),
            step: Some(2),
        }));
        events.push(Event::Ended(Ended { reason: "done".into() }));
        let expected = [
            "session run: tiny\u{fffd}[2J on cpu, 2 threads; EmoSet at data (20 train, 4 val, 6 test); aspects 5 steps, \
             prompt 2 steps",
            "aspects: training",
            "aspects 2/5  loss 2.0000  lr 2.00e-4  8.0 samples/s  ETA 0:00:03 + next stage",
            "aspects 4/5  loss 4.0000  lr 2.00e-4  8.0 samples/s  ETA 0:00:01 + next stage",
            "aspects 5/5  loss 5.0000  lr 2.00e-4  8.0 samples/s  ETA 0:00:00 + next stage",
            "prompt 2/2  loss NaN  lr 2.00e-4  8.0 samples/s  ETA 0:00:00",
            "prompt: evaluated at step 2: 50.0 % of 4 right, loss 1.250",
            "prompt: checkpoint at step 2, the best so far",
            "warning: step 2: loss is not finite",
            "ended: done",
        ];
        assert_eq!(printed(events, 1.0), expected);
    }

    #[test]
    fn a_long_phase_reports_its_progress_now_and_then() {
        let progress = |done| {
            Event::Progress(Progress {
                phase: "loading weights".into(),
                done,
                total: 9,
                memory: None,
            })
        };
        let mut events = vec![Event::Phase(Phase {
            name: "loading weights".into(),
            stage: None,
        })];
        events.extend((1..=9).map(progress));
        assert_eq!(
            printed(events, 3.0),
            ["loading weights", "loading weights 4/9", "loading weights 8/9"]
        );
    }

    #[test]
    fn a_total_that_is_exceeded_is_not_printed() {
        let line = |done, total| {
            let phase = "downloading".to_owned();
            progress_line(&Progress {
                phase,
                done,
                total,
                memory: None,
            })
        };
        assert_eq!(
            [line(30, 60), line(60, 30), line(7, 0)],
            ["downloading 30/60", "downloading 60", "downloading 7"]
        );
    }

    #[test]
    fn durations_are_printed_from_hours_down() {
        assert_eq!(
            (duration(3_723.9), duration(-1.0)),
            ("1:02:03".into(), "0:00:00".into())
        );
    }
}
