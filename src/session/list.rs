//! What sessions there are, and how each stands: one pass over each journal that parses little of a line.

use std::{
    borrow::Cow,
    fs,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    checkpoints::stage_name,
    event::{Event, Record, SessionStart, Stage},
    folder::SessionFolder,
    journal::JournalTail,
    printable::printable,
};

/// How a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// A process holds its lock.
    Live,
    /// Live, and told to pause.
    Paused,
    /// All its steps were made.
    Finished,
    /// Stopped by a person or a signal; `--resume` goes on.
    Stopped,
    /// Ended by an error, which its journal names.
    Failed,
    /// Its process vanished without a word; `--resume` goes on.
    Crashed,
    /// Its journal cannot be read; `problem` says why.
    Unreadable,
}

impl SessionState {
    /// The name in tables and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Paused => "paused",
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Crashed => "crashed",
            Self::Unreadable => "unreadable",
        }
    }
}

/// A session's row in the list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SessionSummary {
    pub name: String,
    pub path: PathBuf,
    pub state: SessionState,
    pub model: String,
    /// The dataset's root.
    pub data: String,
    pub dataname: String,
    pub device: String,
    /// The stage that made the last step, and its steps.
    pub stage: Option<Stage>,
    pub step: u64,
    /// Steps that the stage is to make.
    pub planned: Option<u64>,
    /// Optimiser steps of all stages.
    pub steps: u64,
    /// The highest accuracy on a split other than `test`, or on `test` where there is no other.
    pub best_accuracy: Option<f64>,
    /// The accuracy of the last evaluation on `test`.
    pub test_accuracy: Option<f64>,
    /// Seconds since the Unix epoch.
    pub started: Option<f64>,
    /// Seconds that it ran; the gaps before a resume are left out.
    pub duration: f64,
    /// Why it failed, or why it cannot be read.
    pub problem: Option<String>,
}

/// Why the sessions cannot be listed.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the sessions' folder {}: {source}", path.display())]
pub struct ListError {
    pub path: PathBuf,
    pub source: io::Error,
}

/// All sessions under a root, the latest start first. A missing root holds none; a session that cannot
/// be read is listed as that.
///
/// # Errors
/// The root cannot be read.
pub fn list_sessions(root: &Path) -> Result<Vec<SessionSummary>, ListError> {
    let failed = |source| ListError { path: root.to_owned(), source };
    let entries = match fs::read_dir(root) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut sessions = Vec::new();
    for entry in entries {
        if let Some(folder) = SessionFolder::at(&entry.map_err(failed)?.path()) {
            sessions.push(summarise_session(&folder));
        }
    }
    sessions.sort_by(|a, b| {
        let start = |s: &SessionSummary| s.started.unwrap_or(f64::NEG_INFINITY);
        start(b).total_cmp(&start(a)).then_with(|| a.name.cmp(&b.name))
    });
    Ok(sessions)
}

/// How one session stands.
#[must_use]
pub fn summarise_session(folder: &SessionFolder) -> SessionSummary {
    let mut scan = Scan::default();
    // The lock first: a run that ends meanwhile is then still called live, not crashed.
    let live = folder.is_live().map_err(|error| error.to_string());
    let read = match scan.read(&folder.journal()) {
        Ok(()) => live,
        Err(reason) => Err(reason),
    };
    scan.into_summary(folder, read)
}

/// The few keys of a line that the list needs; the others are skipped without being kept.
#[derive(Deserialize)]
struct Line<'a> {
    time: f64,
    #[serde(borrow)]
    event: Cow<'a, str>,
    stage: Option<Stage>,
    step: Option<u64>,
    from_step: Option<u64>,
    split: Option<Cow<'a, str>>,
    samples: Option<u64>,
    accuracy: Option<f64>,
    command: Option<Cow<'a, str>>,
    reason: Option<String>,
}

struct Score {
    at: (Stage, u64),
    test: bool,
    accuracy: f64,
}

/// What one pass over a journal has gathered.
#[derive(Default)]
struct Scan {
    start: Option<Box<SessionStart>>,
    started: Option<f64>,
    last: f64,
    duration: f64,
    /// Steps of each stage, in the order of training.
    steps: Vec<(Stage, u64)>,
    scores: Vec<Score>,
    paused: bool,
    ended: Option<String>,
}

impl Scan {
    fn read(&mut self, path: &Path) -> Result<(), String> {
        let file = match fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
        };
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let mut text = Vec::new();
        for number in 1_u64.. {
            text.clear();
            let read = reader.read_until(b'\n', &mut text);
            read.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            if text.last() != Some(&b'\n') {
                break;
            }
            if number == 1 {
                self.begin(path)?;
            }
            let line: Line = serde_json::from_slice(&text).map_err(|error| {
                let error = error.to_string();
                format!("{}, line {number}: {}", path.display(), printable(&error))
            })?;
            self.apply(line);
        }
        Ok(())
    }

    /// The first line in full, with its checks, as all readers do it.
    fn begin(&mut self, path: &Path) -> Result<(), String> {
        let first = JournalTail::first(path).map_err(|error| error.to_string())?;
        if let Some(Record { time, event: Event::Session(start), .. }) = first {
            self.start = Some(start);
            self.started = Some(time);
            self.last = time;
        }
        Ok(())
    }

    fn apply(&mut self, line: Line) {
        let resumed = line.event == "resumed";
        if !resumed && self.ended.is_none() {
            self.duration += (line.time - self.last).max(0.0);
        }
        self.last = line.time;
        self.ended = None;
        let at = line.stage.zip(line.step);
        match (&*line.event, at) {
            ("step", Some((stage, step))) => self.set_steps(stage, step),
            ("evaluation", Some(at)) if at.0 == Stage::Prompt && line.samples > Some(0) => {
                let test = line.split.as_deref() == Some("test");
                self.scores.extend(line.accuracy.map(|accuracy| Score { at, test, accuracy }));
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
                    self.scores.retain(|score| score.at <= from);
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

    fn into_summary(self, folder: &SessionFolder, read: Result<bool, String>) -> SessionSummary {
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
        let best = |test| {
            let of_split = self.scores.iter().filter(|score| score.test == test);
            of_split.map(|score| score.accuracy).max_by(f64::total_cmp)
        };
        let current = self.steps.last().copied();
        let start = self.start.as_deref();
        let planned = current.and_then(|(stage, _)| {
            let plan = &start?.plan;
            plan.iter().find(|(planned, _)| *planned == stage).map(|(_, steps)| *steps)
        });
        let text = |of: fn(&SessionStart) -> &String| {
            start.map(of).cloned().unwrap_or_default()
        };
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
            steps: self.steps.iter().map(|(_, steps)| steps).sum(),
            best_accuracy: best(false).or_else(|| best(true)),
            test_accuracy: self.scores.iter().rfind(|score| score.test).map(|score| score.accuracy),
            started: self.started,
            duration: self.duration,
            problem: read.err().or(reason),
        }
    }
}

impl SessionSummary {
    /// `prompt 400/1200`, or nothing before the first step.
    #[must_use]
    pub fn progress(&self) -> String {
        match (self.stage, self.planned) {
            (Some(stage), Some(planned)) => {
                format!("{} {}/{planned}", stage_name(stage), self.step)
            }
            (Some(stage), None) => format!("{} {}", stage_name(stage), self.step),
            (None, _) => String::new(),
        }
    }
}
