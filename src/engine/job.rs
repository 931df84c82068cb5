//! What a run is asked to do, and what one of its stages works on.

use std::path::PathBuf;

use super::device::DeviceChoice;
use crate::config::Settings;
use crate::data::{Dataset, synth};
use crate::session::{CheckpointFile, SessionFolder, Stage};

/// What a run is asked to do.
#[derive(Debug, Clone)]
pub struct TrainJob {
    pub settings: Settings,
    /// In order.
    pub stages: Vec<Stage>,
    pub folder: SessionFolder,
    pub device: DeviceChoice,
    /// Continue from the session's newest checkpoint; begin anew if there is none.
    pub resume: bool,
    pub init_aspects: Option<PathBuf>,
    pub init_prompt: Option<PathBuf>,
    /// Where to write the trained parameters at the end.
    pub save_ckpt: Option<PathBuf>,
    /// Draw this dataset where `data.root` has none.
    pub draw: Option<synth::Options>,
    /// Evaluate on the test split at the end.
    pub test: bool,
    /// Lines for the log: settings that cannot be honoured.
    pub notices: Vec<String>,
    /// Whether a person watches from the start, and can decide what the run cannot.
    pub attended: bool,
}

impl TrainJob {
    /// A run that begins anew, from fresh parameters and the dataset that is there, and that nobody watches.
    #[must_use]
    pub const fn new(settings: Settings, stages: Vec<Stage>, folder: SessionFolder, device: DeviceChoice) -> Self {
        Self {
            settings,
            stages,
            folder,
            device,
            resume: false,
            init_aspects: None,
            init_prompt: None,
            save_ckpt: None,
            draw: None,
            test: false,
            notices: Vec::new(),
            attended: false,
        }
    }
}

/// How a run that did not fail ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Stopped,
}

/// What a stage works on.
pub struct StageRun<'a> {
    pub stage: Stage,
    /// The checkpoint to go on from.
    pub from: Option<CheckpointFile>,
    pub dataset: &'a Dataset,
    pub job: &'a TrainJob,
}
