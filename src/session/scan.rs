//! One pass over a journal that parses little of each line: enough to say how its session stands.

use std::{
    borrow::Cow,
    io::{self, BufReader},
    path::Path,
};

use serde::Deserialize;

use super::{
    evaluations::later_evaluations,
    event::{Event, Record, Resumed, SessionStart, Stage},
    folder::SessionFolder,
    journal::{LONGEST_LINE, first_record},
    list::{SPARK, SessionState, SessionSummary},
};
use crate::{
    bounded_file::{open_regular, read_line},
    printable::{printable, printable_path},
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
    /// Of the stage that made the last step, from its first step on.
    losses: Vec<f64>,
    paused: bool,
    ended: Option<String>,
}

impl Scan {
    /// Reads all complete lines; a missing journal has none.
    ///
    /// # Errors
    /// A sentence that names the file and the line.
    pub(super) fn read(&mut self, path: &Path) -> Result<(), String> {
        let file = match open_regular(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(format!("cannot read {}: {error}", printable_path(path))),
        };
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let mut text = Vec::new();
        for number in 1_u64.. {
            read_line(&mut reader, &mut text, LONGEST_LINE)
                .map_err(|error| format!("cannot read {}, line {number}: {error}", printable_path(path)))?;
            if text.last() != Some(&b'\n') {
                break;
            }
            if number == 1 {
                self.begin(path)?;
            }
            let broken = |reason: String| format!("{}, line {number}: {}", printable_path(path), printable(&reason));
            let line: Line = serde_json::from_slice(&text).map_err(|error| broken(error.to_string()))?;
            // What no reader would open is not told as finished.
            if line.seq != number - 1 {
                return Err(broken(format!("seq is {}, and {} should follow", line.seq, number - 1)));
            }
            self.apply(line);
        }
        Ok(())
    }

    /// The first line in full, with its checks, as all readers do it.
    fn begin(&mut self, path: &Path) -> Result<(), String> {
        let first = first_record(path).map_err(|error| error.to_string())?;
        if let Some(Record {
            time,
            event: Event::Session(start),
            ..
        }) = first
        {
            self.start = Some(start);
            self.started = Some(time);
            self.last = time;
        }
        Ok(())
    }

    fn apply(&mut self, line: Line) {
        let resumed = line.event == "resumed";
        if !resumed && self.ended.is_none() {
            self.duration += (line.time - self.last - line.clock_jump_s.unwrap_or(0.0)).max(0.0);
        }
        self.last = line.time;
        self.ended = None;
        let at = line.stage.zip(line.step);
        match (&*line.event, at) {
            ("step", Some((stage, step))) => {
                if self.steps.last().is_none_or(|(last, _)| *last != stage) {
                    self.losses.clear();
                }
                self.losses.push(line.loss.unwrap_or(f64::NAN));
                self.set_steps(stage, step);
            }
            ("evaluation", Some(at)) if at.0 == Stage::Prompt && line.samples > Some(0) => {
                let test = line.split.as_deref() == Some("test");
                let samples = line.samples.unwrap_or(0);
                let score = |accuracy| Score {
                    at,
                    test,
                    samples,
                    accuracy,
                };
                self.scores.extend(line.accuracy.map(score));
            }
            ("command", _) => match line.command.as_deref() {
                Some("pause") => self.paused = true,
                Some("resume") => self.paused = false,
                _ => {}
            },
            ("resumed", _) => {
                self.paused = false;
                if let Some(from) = line.stage.zip(line.from_step) {
                    self.steps.retain(|(stage, _)| *stage < from.0);
                    self.set_steps(from.0, from.1);
                    self.losses.truncate(usize::try_from(from.1).unwrap_or(usize::MAX));
                    self.scores.retain(|score| score.at <= from);
                    let resumed = Resumed {
                        stage: from.0,
                        from_step: from.1,
                        plan: line.plan.unwrap_or_default(),
                    };
                    if let Some(start) = &mut self.start {
                        resumed.replan(&mut start.plan);
                    }
                }
            }
            ("ended", _) => {
                self.paused = false;
                self.ended = line.reason;
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

    /// `read` is what became of the pass: whether the session's lock is held, or why there is no telling.
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
        // A figure of a few images is not better than one of all.
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
        // Where more steps were made the plan was another, of which an older journal says nothing.
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

/// Of the newest `masp eval` of the session's own parameters on its own test split.
fn later_test_accuracy(folder: &SessionFolder) -> Option<f64> {
    let later = later_evaluations(folder.path()).into_iter().rev();
    let mut of_test = later.filter(|later| later.split == "test" && later.is_own());
    of_test.find_map(|later| Some(later.metrics()?.accuracy).filter(|accuracy| accuracy.is_finite()))
}

/// The few keys of a line that the list needs; the others are skipped without being kept.
#[derive(Deserialize)]
struct Line<'a> {
    seq: u64,
    time: f64,
    #[serde(borrow)]
    event: Cow<'a, str>,
    stage: Option<Stage>,
    step: Option<u64>,
    from_step: Option<u64>,
    split: Option<Cow<'a, str>>,
    samples: Option<u64>,
    accuracy: Option<f64>,
    loss: Option<f64>,
    command: Option<Cow<'a, str>>,
    reason: Option<String>,
    plan: Option<Vec<(Stage, u64)>>,
    clock_jump_s: Option<f64>,
}

/// Means of neighbours, what is not finite left out.
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
    samples: u64,
    accuracy: f64,
}
