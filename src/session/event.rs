//! Events: the engine emits them, the journal holds them, and state is folded from them. Commands: what the engine receives.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;

use super::{Answer, Request, nullable, prediction::Metrics};
use crate::data::{View, synth::Recipe};

/// The journal's format version; a newer one is refused.
pub const FORMAT: u32 = 1;

/// What happened. [`Event::read`] is the way back from the JSON that is written.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    Session(Box<SessionStart>),
    Phase(Phase),
    Progress(Progress),
    Step(Step),
    Evaluation(Box<Evaluation>),
    Sample(Box<SampleSeen>),
    Checkpoint(SavedCheckpoint),
    Command(CommandRecord),
    /// A question about an image, and the answer; the journal's copy has no attention maps.
    Answer(Box<Answer>),
    Warning(Warning),
    Log(Log),
    Resumed(Resumed),
    Ended(Ended),
}

impl Event {
    /// The names of the kinds, as the `event` key has them.
    pub(super) const KINDS: [&'static str; 13] = [
        "session",
        "phase",
        "progress",
        "step",
        "evaluation",
        "sample",
        "checkpoint",
        "command",
        "answer",
        "warning",
        "log",
        "resumed",
        "ended",
    ];

    /// Reads an event of this kind from the keys that follow.
    ///
    /// # Errors
    /// The kind is unknown, or a key is missing or of another type.
    pub fn read<'de, D: Deserializer<'de>>(kind: &str, keys: D) -> Result<Self, D::Error> {
        Ok(match kind {
            "session" => Self::Session(Deserialize::deserialize(keys)?),
            "phase" => Self::Phase(Deserialize::deserialize(keys)?),
            "progress" => Self::Progress(Deserialize::deserialize(keys)?),
            "step" => Self::Step(Deserialize::deserialize(keys)?),
            "evaluation" => Self::Evaluation(Deserialize::deserialize(keys)?),
            "sample" => Self::Sample(Deserialize::deserialize(keys)?),
            "checkpoint" => Self::Checkpoint(Deserialize::deserialize(keys)?),
            "command" => Self::Command(Deserialize::deserialize(keys)?),
            "answer" => Self::Answer(Deserialize::deserialize(keys)?),
            "warning" => Self::Warning(Deserialize::deserialize(keys)?),
            "log" => Self::Log(Deserialize::deserialize(keys)?),
            "resumed" => Self::Resumed(Deserialize::deserialize(keys)?),
            "ended" => Self::Ended(Deserialize::deserialize(keys)?),
            unknown => return Err(D::Error::unknown_variant(unknown, &Self::KINDS)),
        })
    }
}

/// The two stages of MASP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Stage 1: the aspects' queries and cross-attention are trained.
    Aspects,
    /// Stage 2: the soft prompt is trained.
    Prompt,
}

impl Stage {
    /// Its name on the command line, in files and in the journal.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aspects => "aspects",
            Self::Prompt => "prompt",
        }
    }
}

/// The first line of a journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionStart {
    pub format: u32,
    /// The program's version.
    pub program: String,
    pub name: String,
    /// The resolved settings, as in config.yaml.
    pub settings: Value,
    pub model: String,
    /// The dataset's root.
    pub data: String,
    /// How the dataset was drawn, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drawn: Option<Recipe>,
    pub dataname: String,
    pub classes: Vec<String>,
    /// Samples in train, val, test.
    pub splits: [usize; 3],
    pub device: String,
    /// The views trained, in order.
    pub views: Vec<View>,
    /// Optimiser steps each stage of this run will make, in order.
    pub plan: Vec<(Stage, u64)>,
}

/// A named phase began (`loading weights 3/7`, `drawing data`, `first batch`); `done` and `total` where it counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
}

/// How far the phase is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    pub phase: String,
    pub done: u64,
    /// 0 where it is not known.
    pub total: u64,
    /// Resident memory of the process, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
}

impl Progress {
    /// `4/9`, or `4` where the end is not known.
    #[must_use]
    pub fn counts(&self) -> String {
        if self.total < self.done || self.total == 0 {
            self.done.to_string()
        } else {
            format!("{}/{}", self.done, self.total)
        }
    }
}

/// One optimiser step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub stage: Stage,
    /// Counts from 1 in its stage.
    pub step: u64,
    /// Epochs done, with the fraction of the running one.
    #[serde(deserialize_with = "nullable::number")]
    pub epoch: f64,
    /// Mean loss over the step's supervised tokens, in nats.
    #[serde(deserialize_with = "nullable::number")]
    pub loss: f64,
    /// The rate used.
    #[serde(deserialize_with = "nullable::number")]
    pub lr: f64,
    /// Global norm before clipping.
    #[serde(deserialize_with = "nullable::number")]
    pub grad_norm: f64,
    /// The throughput of this step, loading included.
    #[serde(deserialize_with = "nullable::number")]
    pub samples_per_s: f64,
    /// The share, in `[0, 1]`, of the step's images that skipped the vision tower because their features were cached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_hits: Option<f64>,
}

/// An evaluation's figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Evaluation {
    pub stage: Stage,
    pub step: u64,
    /// Mean loss over the evaluated samples' supervised tokens, in nats.
    #[serde(default, deserialize_with = "nullable::number")]
    pub loss: f64,
    /// Share of right answers per view (stage 1).
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "nullable::by_view"
    )]
    pub aspect_accuracy: Vec<(View, f64)>,
    /// Stage 2's figures; in stage 1 only split, data, samples and speed are set.
    #[serde(flatten)]
    pub metrics: Metrics,
    /// The predictions' file (JSON Lines), relative to the session's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predictions: Option<PathBuf>,
}

/// Through the `remote` derive above, so that `deserialize` can correct what older journals hold.
impl Serialize for Evaluation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Evaluation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut read = Self::deserialize(deserializer)?;
        if read.stage == Stage::Aspects {
            read.metrics = read.metrics.without_a_classifier();
        }
        Ok(read)
    }
}

impl Evaluation {
    /// The split and the number of images. Only figures of the same kind can be compared.
    #[must_use]
    pub fn kind(&self) -> (&str, usize) {
        (&self.metrics.split, self.metrics.samples)
    }

    /// Whether the figures of both can be compared: they are of the same [`Self::kind`].
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        self.kind() == other.kind()
    }

    /// The share of right answers over all samples, in stage 1 the mean over the aspects.
    #[must_use]
    pub fn overall_accuracy(&self) -> f64 {
        let aspects = &self.aspect_accuracy;
        if aspects.is_empty() {
            return self.metrics.accuracy;
        }
        aspects.iter().map(|(_, share)| share).sum::<f64>() / aspects.len() as f64
    }
}

/// One image of the panel, looked at again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleSeen {
    pub stage: Stage,
    pub step: u64,
    /// The image's place in the panel.
    pub slot: usize,
    /// The dataset's sample id.
    pub image: String,
    pub gold: String,
    pub prediction: String,
    /// A [`super::Prediction`] as JSON, relative to the session's folder.
    pub file: PathBuf,
    /// A small picture (PNG) of what the model saw, relative to the session's folder.
    pub thumbnail: PathBuf,
}

/// A checkpoint is safe on disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedCheckpoint {
    pub stage: Stage,
    pub step: u64,
    /// Relative to the session's folder.
    pub file: PathBuf,
    /// The best so far by the validation figure.
    #[serde(default)]
    pub best: bool,
}

/// The highest learning rate that can be asked for. With it, and a weight decay of at most 1, AdamW keeps finite
/// parameters finite for any number of steps.
pub const HIGHEST_RATE: f64 = 1.0;

/// What the engine can be told while it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    Pause,
    Resume,
    Stop {
        after: StopAfter,
    },
    Checkpoint,
    Evaluate,
    SetLearningRate {
        lr: f64,
    },
    /// A question, which the engine answers between two steps.
    Ask(Request),
}

/// When a stop takes effect; each leaves a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopAfter {
    Step,
    Epoch,
}

/// The engine accepted a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandRecord {
    #[serde(flatten)]
    pub command: Command,
    pub stage: Option<Stage>,
    pub step: u64,
}

/// Something a person should know; the run goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Warning {
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u64>,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Log {
    pub text: String,
    /// Seconds that the clock gained on the run since the previous record, because it was set or the machine slept.
    /// They do not count as work; negative where the clock was set back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_jump_s: Option<f64>,
}

impl Log {
    /// A line of text without a clock jump.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            clock_jump_s: None,
        }
    }
}

/// The run goes on from a checkpoint: readers drop everything after `from_step` of `stage`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resumed {
    pub stage: Stage,
    pub from_step: u64,
    /// Steps that each stage makes from now on, as in [`SessionStart::plan`]; empty in older journals, which lack this key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plan: Vec<(Stage, u64)>,
}

impl Resumed {
    /// Updates the previous plan; a stage that is no longer trained keeps its steps.
    pub fn replan(&self, plan: &mut Vec<(Stage, u64)>) {
        for &(stage, steps) in &self.plan {
            match plan.iter_mut().find(|(planned, _)| *planned == stage) {
                Some((_, planned)) => *planned = steps,
                None => plan.push((stage, steps)),
            }
        }
        plan.sort_by_key(|(stage, _)| *stage);
    }
}

/// The run is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// `done`, `stopped`, or a sentence that says what failed.
    pub reason: String,
}
