//! What can stop the engine.

use crate::aspects::checkpoint::CheckpointError;
use crate::data::prompts::PromptError;
use crate::data::{DataError, image_file::DecodeError};
use crate::nn::{Fault, is_interrupt, without_backtrace};
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

/// The message for a device failure; if memory ran out or the device was lost, it adds what can be done.
fn device_message(error: &candle_core::Error) -> String {
    let said = error.to_string();
    let said = said.lines().next().unwrap_or_default();
    match Fault::of(said) {
        Fault::OutOfMemory => format!(
            "the device's memory ran out ({said}); use smaller batches (train.batch_size, test.batch_size), smaller \
             pictures (model.max_pixels), a smaller cache (data.cache_mb) or train.gradient_checkpointing, or end \
             other programs that use the device"
        ),
        Fault::Lost => format!(
            "the device was lost ({said}), and this process can no longer use it; if a new one fails in the same way, run \
             `masp doctor --selftest`, and look at what `dmesg` and `nvidia-smi` say about the card"
        ),
        Fault::Other => format!("the computation failed: {said}"),
    }
}

impl From<candle_core::Error> for EngineError {
    fn from(error: candle_core::Error) -> Self {
        let error = without_backtrace(error);
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
        Fault::of(&self.to_string()) == Fault::OutOfMemory
    }

    /// Whether the device was lost, so that nothing can be computed or read there any more.
    #[must_use]
    pub fn is_lost_device(&self) -> bool {
        Fault::of(&self.to_string()) == Fault::Lost
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

#[cfg(test)]
mod tests {
    use std::backtrace::Backtrace;

    use super::*;

    fn traced(said: &str) -> EngineError {
        EngineError::from(candle_core::Error::WithBacktrace {
            inner: Box::new(candle_core::Error::Msg(said.to_owned())),
            backtrace: Box::new(Backtrace::force_capture()),
        })
    }

    #[test]
    fn failures_of_the_device_are_one_line_that_says_what_to_do() {
        let memory = traced("DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")");
        assert!(memory.is_out_of_memory() && !memory.is_lost_device());
        let lost = traced("DriverError(CUDA_ERROR_ILLEGAL_ADDRESS, \"CUDA_ERROR_ILLEGAL_ADDRESS\")");
        assert!(lost.is_lost_device() && !lost.is_out_of_memory());
        for (error, advice) in [
            (memory, "train.batch_size"),
            (lost, "nvidia-smi"),
            (traced("a shape"), "failed"),
        ] {
            let said = error.to_string();
            assert!(said.lines().count() == 1 && said.contains(advice), "{said}");
            assert!(!format!("{error:?}").contains("backtrace"), "{error:?}");
        }
    }

    #[test]
    fn an_interrupt_is_recognised() {
        let interrupt = crate::nn::Interrupt::default();
        interrupt.0.store(true, std::sync::atomic::Ordering::Relaxed);
        let error = interrupt.check().map_err(EngineError::from);
        assert!(matches!(error, Err(EngineError::Interrupted)));
    }
}
