//! A session's row in the list of sessions, taken from the same state that the screens show.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use super::{
    evaluations::later_evaluations,
    event::{SessionStart, Stage},
    folder::SessionFolder,
    prediction::Metrics,
    series::StageHistory,
    state::RunState,
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
    /// Its process ended without an `ended` event; `--resume` goes on.
    Crashed,
    /// Its journal cannot be read; `problem` says why.
    Unreadable,
}

impl SessionState {
    pub const ALL: [Self; 7] = [
        Self::Live,
        Self::Paused,
        Self::Finished,
        Self::Stopped,
        Self::Failed,
        Self::Crashed,
        Self::Unreadable,
    ];

    /// How the session stands; `live` as in [`SessionSummary::of`].
    fn of(state: &RunState, live: &Result<bool, String>) -> Self {
        let ended = state.ended.as_ref().map(|ended| ended.reason.as_str());
        match (live, ended) {
            (Err(_), _) => Self::Unreadable,
            (Ok(true), _) if state.paused => Self::Paused,
            (Ok(true), _) => Self::Live,
            (Ok(false), Some("done")) => Self::Finished,
            (Ok(false), Some("stopped")) => Self::Stopped,
            (Ok(false), Some(_)) => Self::Failed,
            (Ok(false), None) => Self::Crashed,
        }
    }

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
    /// Steps planned for the stage; None where it has made more.
    pub planned: Option<u64>,
    /// Optimiser steps of all stages.
    pub steps: u64,
    /// The highest accuracy on a split other than `test`, or on `test` where there is no other. Only the evaluations with
    /// the most images count.
    pub best_accuracy: Option<f64>,
    /// The accuracy of the last evaluation on `test`: by `masp eval` on the session's own data, else by the run.
    pub test_accuracy: Option<f64>,
    /// Samples a second: the median over the steps of the stage that made the last step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples_per_s: Option<f64>,
    /// Resident memory of its process in bytes, as last reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Seconds since the Unix epoch.
    pub started: Option<f64>,
    /// Seconds at work; pauses and the time between two processes do not count.
    pub duration: f64,
    /// Why it failed, or why it cannot be read.
    pub problem: Option<String>,
    /// The user's note (`note.txt` in its folder).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// The settings as the session recorded them; null where nothing could be read.
    #[serde(skip)]
    pub settings: Value,
    /// All figures of the evaluation whose accuracy is `best_accuracy`.
    #[serde(skip)]
    pub best: Option<Metrics>,
    /// All figures of the evaluation whose accuracy is `test_accuracy`.
    #[serde(skip)]
    pub test: Option<Metrics>,
    /// The losses of the stage that made the last step, at most [`SPARK`] means of neighbours.
    #[serde(skip)]
    pub spark: Vec<f64>,
}

/// Points of a summary's small curve.
pub const SPARK: usize = 24;

impl SessionSummary {
    /// The row of the session in `folder`. `live` says whether its lock is held, or why the session cannot be read.
    pub(super) fn of(folder: &SessionFolder, state: &RunState, live: Result<bool, String>) -> Self {
        let start = state.session.as_ref();
        let text = |of: fn(&SessionStart) -> &String| start.map(of).cloned().unwrap_or_default();
        let current = state.stages.iter().rfind(|(_, history)| !history.steps.is_empty());
        let stands = SessionState::of(state, &live);
        let failed = state.ended.as_ref().filter(|_| stands == SessionState::Failed);
        let best = best(state).cloned();
        let test = later_test(folder).or_else(|| test(state).cloned());
        Self {
            name: folder.name().to_owned(),
            path: folder.path().to_owned(),
            state: stands,
            model: text(|start| &start.model),
            data: text(|start| &start.data),
            dataname: text(|start| &start.dataname),
            device: text(|start| &start.device),
            stage: current.map(|(stage, _)| *stage),
            step: current.map_or(0, |(_, history)| history.last_step()),
            planned: current.and_then(|(stage, _)| state.planned_steps(*stage)),
            steps: state
                .stages
                .values()
                .map(StageHistory::last_step)
                .fold(0, u64::saturating_add),
            best_accuracy: best.as_ref().map(|made| made.accuracy),
            test_accuracy: test.as_ref().map(|made| made.accuracy),
            best,
            test,
            samples_per_s: current.and_then(|(_, history)| samples_per_s(history)),
            memory: state.memory,
            started: state.started,
            duration: state.active_s,
            problem: live.err().or_else(|| failed.map(|ended| ended.reason.clone())),
            note: String::new(),
            settings: start.map_or(Value::Null, |start| start.settings.clone()),
            spark: current.map(|(_, history)| spark(history)).unwrap_or_default(),
        }
    }

    /// `prompt 400/1200`, or nothing before the first step.
    #[must_use]
    pub fn progress(&self) -> String {
        match (self.stage, self.planned) {
            (Some(stage), Some(planned)) => {
                format!("{} {}/{planned}", stage.name(), self.step)
            }
            (Some(stage), None) => format!("{} {}", stage.name(), self.step),
            (None, _) => String::new(),
        }
    }
}

/// The run's evaluations of the soft prompt that have an accuracy.
fn evaluations(state: &RunState) -> impl DoubleEndedIterator<Item = &Metrics> {
    let history = state.history(Stage::Prompt).into_iter();
    let all = history
        .flat_map(|history| &history.evaluations)
        .map(|made| &made.metrics);
    all.filter(|made| made.samples > 0 && made.accuracy.is_finite())
}

/// The most accurate of the evaluations with the most images: a high accuracy on a few images is no record. On `test`
/// only if nothing else was evaluated.
fn best(state: &RunState) -> Option<&Metrics> {
    let best = |test| {
        let of_split = || evaluations(state).filter(move |made| (made.split == "test") == test);
        let most = of_split().map(|made| made.samples).max()?;
        let of_most = of_split().filter(|made| made.samples == most);
        of_most.max_by(|a, b| a.accuracy.total_cmp(&b.accuracy))
    };
    best(false).or_else(|| best(true))
}

/// The run's last evaluation on `test`.
fn test(state: &RunState) -> Option<&Metrics> {
    evaluations(state).rfind(|made| made.split == "test")
}

/// The newest `masp eval` of the session's own parameters on its own test split.
fn later_test(folder: &SessionFolder) -> Option<Metrics> {
    let later = later_evaluations(folder.path()).into_iter().rev();
    let mut of_test = later.filter(|later| later.split == "test" && later.is_own());
    of_test.find_map(|later| later.metrics().filter(|made| made.accuracy.is_finite()))
}

fn samples_per_s(history: &StageHistory) -> Option<f64> {
    let mut rates: Vec<f64> = history.steps.iter().map(|step| step.samples_per_s).collect();
    rates.retain(|rate| rate.is_finite());
    if rates.is_empty() {
        return None;
    }
    let middle = rates.len() / 2;
    Some(*rates.select_nth_unstable_by(middle, f64::total_cmp).1)
}

/// Means over neighbouring losses, without those that are not finite.
fn spark(history: &StageHistory) -> Vec<f64> {
    let width = history.steps.len().div_ceil(SPARK).max(1);
    let means = history.steps.chunks(width).map(|steps| {
        let finite: Vec<f64> = steps
            .iter()
            .map(|point| point.loss)
            .filter(|loss| loss.is_finite())
            .collect();
        finite.iter().sum::<f64>() / finite.len() as f64
    });
    means.filter(|mean| mean.is_finite()).collect()
}
