//! Errors of checkpoints and of files with trained parameters.

use std::{io, path::PathBuf};

use super::{checkpoint_meta::FORMAT, torch::TorchError};
use crate::printable::printable_path;

/// A checkpoint or parameter file that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    #[error("cannot read {}: {source}; check the path", printable_path(path))]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {}: {source}; nothing was changed", printable_path(path))]
    Write { path: PathBuf, source: io::Error },
    #[error(
        "{} is not a complete safetensors file: {reason}. It may have been cut short: copy it again, or use an older \
         checkpoint",
        printable_path(path)
    )]
    Damaged { path: PathBuf, reason: String },
    #[error(
        "{} has checkpoint format {found}, this program knows up to {FORMAT}; update masp",
        printable_path(path)
    )]
    Newer { path: PathBuf, found: u32 },
    #[error(
        "{} is not a checkpoint of a masp run: {reason}. A run can be resumed only from its session's checkpoints; \
         other files can start one through --init-aspects or --init-prompt",
        printable_path(path)
    )]
    NoCheckpoint { path: PathBuf, reason: String },
    #[error(
        "{} holds numbers that are not finite (NaN or infinite) in {name:?}; training diverged before it was written, \
         so use an older checkpoint",
        printable_path(path)
    )]
    NotFinite { path: PathBuf, name: String },
    #[error(
        "there is not enough memory for {}: its tensor {name:?} has {bytes} bytes; close other programs and try again",
        printable_path(path)
    )]
    Memory { path: PathBuf, name: String, bytes: usize },
    #[error("{} does not hold {wanted}: {reason}", printable_path(path))]
    Content {
        path: PathBuf,
        wanted: &'static str,
        reason: String,
    },
    #[error(
        "{} was made for a base model of hidden size {found}, the present one has {expected}; choose the base model \
         it was trained with, or another file",
        printable_path(path)
    )]
    HiddenSize {
        path: PathBuf,
        found: usize,
        expected: usize,
    },
    #[error(
        "{} was made for a base model of the family {found}, and the present one is {expected}, whose embeddings have \
         the same width but another meaning; choose the base model it was trained with, or another file",
        printable_path(path)
    )]
    OtherFamily {
        path: PathBuf,
        found: String,
        expected: &'static str,
    },
    #[error(transparent)]
    Torch(#[from] TorchError),
}
