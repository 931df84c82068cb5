//! One pass over a journal that gathers what the list of sessions shows.

use std::{io, path::Path};

use super::{
    evaluations::later_evaluations,
    event::{Command, Event, Record, SessionStart, Stage},
    folder::SessionFolder,
    journal::{JournalError, each_record},
    list::{SPARK, SessionState, SessionSummary},
};

/// What one pass over a journal has gathered.
#[derive(Default)]
pub(super) struct Scan {
    start: Option<Box<SessionStart>>,
    started: Option<f64>,
    last: f64,
    duration: f64,
    /// Steps of each stage, in the order of training.
    steps: Vec<(Stage, u64)>,
    scores: Vec<Score>,
    /// The losses of the stage that made the last step, from its first step on.
    losses: Vec<f64>,
    paused: bool,
    ended: Option<String>,
}

impl Scan {
    /// Reads all complete lines by the same rules as opening the session, so that a journal that cannot be opened is never
    /// listed as finished. A missing journal has no lines.
    ///
    /// # Errors
    /// The journal cannot be read; the message names the file and the line.
    pub(super) fn read(&mut self, path: &Path) -> Result<(), String> {
        match each_record(path, |record| self.apply(record)) {
            Err(JournalError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(()),
            read => read.map_err(|error| error.to_string()),
        }
    }

    fn apply(&mut self, record: Record) {
        let resumed = matches!(record.event, Event::Resumed(_));
        if !resumed && self.started.is_some() && self.ended.is_none() {
            self.duration += (record.time - self.last - record.clock_jump_s()).max(0.0);
        }
        self.last = record.time;
        self.ended = None;
        match record.event {
            Event::Session(start) if self.started.is_none() => {
                self.start = Some(start);
                self.started = Some(record.time);
            }
            Event::Step(step) => {
                if self.steps.last().is_none_or(|(last, _)| *last != step.stage) {
                    self.losses.clear();
                }
                self.losses.push(step.loss);
                self.set_steps(step.stage, step.step);
            }
            Event::Evaluation(seen) if seen.stage == Stage::Prompt && seen.metrics.samples > 0 => {
                let metrics = &seen.metrics;
                if metrics.accuracy.is_finite() {
                    self.scores.push(Score {
                        at: (seen.stage, seen.step),
                        test: metrics.split == "test",
                        samples: metrics.samples,
                        accuracy: metrics.accuracy,
                    });
                }
            }
            Event::Command(taken) => match taken.command {
                Command::Pause => self.paused = true,
                Command::Resume => self.paused = false,
                _ => {}
            },
            Event::Resumed(resumed) => {
                self.paused = false;
                let from = (resumed.stage, resumed.from_step);
                self.steps.retain(|(stage, _)| *stage < from.0);
                self.set_steps(from.0, from.1);
                self.losses.truncate(usize::try_from(from.1).unwrap_or(usize::MAX));
                self.scores.retain(|score| score.at <= from);
                if let Some(start) = &mut self.start {
                    resumed.replan(&mut start.plan);
                }
            }
            Event::Ended(ended) => {
                self.paused = false;
                self.ended = Some(ended.reason);
            }
            _ => {}
        }
    }

    fn set_steps(&mut self, stage: Stage, step: u64) {
        match self.steps.iter_mut().find(|(known, _)| *known == stage) {
            Some((_, steps)) => *steps = step,
            None => self.steps.push((stage, step)),
        }
    }

    /// The summary. `read` is the outcome of the pass: whether the session's lock is held, or why the session cannot be read.
    pub(super) fn into_summary(self, folder: &SessionFolder, read: Result<bool, String>) -> SessionSummary {
        let of_run = self.scores.iter().rfind(|score| score.test).map(|score| score.accuracy);
        let ended = self.ended.as_deref();
        let state = match read {
            Err(_) => SessionState::Unreadable,
            Ok(true) if self.paused => SessionState::Paused,
            Ok(true) => SessionState::Live,
            Ok(false) => match ended {
                Some("done") => SessionState::Finished,
                Some("stopped") => SessionState::Stopped,
                Some(_) => SessionState::Failed,
                None => SessionState::Crashed,
            },
        };
        let reason = ended.filter(|_| state == SessionState::Failed).map(str::to_owned);
        // Only the evaluations with the most images count: a high accuracy on a few images is no record.
        let best = |test| {
            let of_split = || self.scores.iter().filter(move |score| score.test == test);
            let most = of_split().map(|score| score.samples).max()?;
            let of_most = of_split().filter(|score| score.samples == most);
            of_most.map(|score| score.accuracy).max_by(f64::total_cmp)
        };
        let current = self.steps.last().copied();
        let start = self.start.as_deref();
        let planned = current.and_then(|(stage, _)| {
            let plan = &start?.plan;
            plan.iter()
                .find(|(planned, _)| *planned == stage)
                .map(|(_, steps)| *steps)
        });
        // More steps than planned mean that a resume changed the plan, which older journals do not record.
        let planned = planned.filter(|&planned| current.is_some_and(|(_, step)| step <= planned));
        let text = |of: fn(&SessionStart) -> &String| start.map(of).cloned().unwrap_or_default();
        SessionSummary {
            name: folder.name().to_owned(),
            path: folder.path().to_owned(),
            state,
            model: text(|start| &start.model),
            data: text(|start| &start.data),
            dataname: text(|start| &start.dataname),
            device: text(|start| &start.device),
            stage: current.map(|(stage, _)| stage),
            step: current.map_or(0, |(_, step)| step),
            planned,
            steps: self.steps.iter().fold(0, |all, (_, steps)| all.saturating_add(*steps)),
            best_accuracy: best(false).or_else(|| best(true)),
            test_accuracy: later_test_accuracy(folder).or(of_run),
            started: self.started,
            duration: self.duration,
            problem: read.err().or(reason),
            note: String::new(),
            settings: start.map_or(serde_json::Value::Null, |start| start.settings.clone()),
            spark: spark(&self.losses),
        }
    }
}

/// The accuracy of the newest `masp eval` of the session's own parameters on its own test split.
fn later_test_accuracy(folder: &SessionFolder) -> Option<f64> {
    let later = later_evaluations(folder.path()).into_iter().rev();
    let mut of_test = later.filter(|later| later.split == "test" && later.is_own());
    of_test.find_map(|later| Some(later.metrics()?.accuracy).filter(|accuracy| accuracy.is_finite()))
}

/// Means over neighbouring losses, without those that are not finite.
fn spark(losses: &[f64]) -> Vec<f64> {
    let width = losses.len().div_ceil(SPARK).max(1);
    let mean = |part: &[f64]| {
        let finite: Vec<f64> = part.iter().copied().filter(|loss| loss.is_finite()).collect();
        finite.iter().sum::<f64>() / finite.len() as f64
    };
    losses.chunks(width).map(mean).filter(|mean| mean.is_finite()).collect()
}

struct Score {
    at: (Stage, u64),
    test: bool,
    samples: usize,
    accuracy: f64,
}
