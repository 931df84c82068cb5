//! What can stop the engine.

use crate::aspects::checkpoint::CheckpointError;
use crate::data::prompts::PromptError;
use crate::data::{DataError, image_file::DecodeError};
use crate::nn::is_interrupt;
use crate::session::{FolderError, JournalError};
use crate::vlm::base::ModelError;
use crate::vlm::hub::HubError;
use crate::vlm::pictures::PictureError;
use crate::vlm::tokenizer::TokenizerError;

/// Why a run, an evaluation or a prediction failed.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Prompt(#[from] PromptError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Hub(#[from] HubError),
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    SessionCheckpoint(#[from] crate::session::CheckpointsError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Image(#[from] DecodeError),
    #[error(transparent)]
    Pictures(#[from] PictureError),
    #[error("{}", device_message(.0))]
    Compute(#[source] candle_core::Error),
    /// Numbers that are not finite: no result or checkpoint is made from them.
    #[error("{0}")]
    NotFinite(String),
    #[error("cannot write {path}: {source}")]
    Write { path: String, source: std::io::Error },
    #[error("the process is about to exit")]
    Interrupted,
    /// The command line asks for something impossible.
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Failed(String),
}

/// The message for a device failure; if memory ran out, it adds what can be done.
fn device_message(error: &candle_core::Error) -> String {
    // candle appends a stack where `RUST_BACKTRACE` is set.
    let said = error.to_string();
    let said = said.lines().next().unwrap_or_default();
    if mentions_out_of_memory(said) {
        return format!(
            "the device's memory ran out ({said}); use smaller batches (train.batch_size, test.batch_size), smaller \
             pictures (model.max_pixels), a smaller cache (data.cache_mb) or train.gradient_checkpointing, or end \
             other programs that use the device"
        );
    }
    format!("the computation failed: {said}")
}

/// Matches the wording of CUDA and cuBLAS.
fn mentions_out_of_memory(said: &str) -> bool {
    let said = said.to_lowercase();
    ["out of memory", "out_of_memory", "alloc_failed", "memory ran out"]
        .iter()
        .any(|words| said.contains(words))
}

impl From<candle_core::Error> for EngineError {
    fn from(error: candle_core::Error) -> Self {
        if is_interrupt(&error) {
            Self::Interrupted
        } else {
            Self::Compute(error)
        }
    }
}

impl EngineError {
    /// Whether a file could not be written, which a person may be able to fix.
    #[must_use]
    pub const fn is_write(&self) -> bool {
        matches!(
            self,
            Self::Write { .. }
                | Self::Checkpoint(CheckpointError::Write { .. })
                | Self::SessionCheckpoint(crate::session::CheckpointsError::Io { .. })
        )
    }

    /// Whether the device's memory ran out, judged by the wording of CUDA and cuBLAS.
    #[must_use]
    pub fn is_out_of_memory(&self) -> bool {
        mentions_out_of_memory(&self.to_string())
    }

    /// Whether the command line was wrong (exit status 2) rather than the machine or a file (exit status 1).
    #[must_use]
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Usage(_) => true,
            Self::Folder(error) => error.is_wrong_usage(),
            _ => false,
        }
    }
}
