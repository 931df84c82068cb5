//! The errors of `masp sessions`, and which of them are wrong usage.

use std::io;
use std::path::PathBuf;

use super::overwrite::Kept;
use crate::aspects::checkpoint::CheckpointError as ParameterError;
use crate::cli::failure::Failure;
use crate::export::ExportError;
use crate::printable::printable_path;
use crate::session::{CheckpointsError, FolderError, JournalError, ListError};

/// Why the sessions cannot be shown, exported or removed.
#[derive(Debug, thiserror::Error)]
pub enum SessionsError {
    #[error(transparent)]
    List(#[from] ListError),
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Checkpoints(#[from] CheckpointsError),
    #[error("cannot print the sessions: {0}")]
    Print(#[from] io::Error),
    #[error("cannot write the sessions as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("--group takes settings, such as seed, and `{0}` is none; columns are chosen with --columns")]
    Group(String),
    #[error(transparent)]
    Parameters(#[from] ParameterError),
    #[error(transparent)]
    Export(#[from] BadTarget),
    #[error(transparent)]
    Written(#[from] ExportError),
    #[error(transparent)]
    Kept(#[from] Kept),
    #[error(transparent)]
    Remove(#[from] RemoveError),
}

impl SessionsError {
    /// Whether the command line was wrong (exit status 2), not the machine (1).
    pub fn is_wrong_usage(&self) -> bool {
        match self {
            Self::Folder(error) => error.is_wrong_usage(),
            Self::Export(_)
            | Self::Kept(Kept::Exists(_))
            | Self::Group(_)
            | Self::Written(ExportError::Ending { .. } | ExportError::Own(_) | ExportError::Selected(_)) => true,
            Self::Remove(error) => error.is_wrong_usage(),
            _ => false,
        }
    }
}

impl From<SessionsError> for Failure {
    fn from(error: SessionsError) -> Self {
        let usage = error.is_wrong_usage();
        Self::of(error, usage)
    }
}

/// A target in the folder of the session's own checkpoints, which an export must not overwrite.
#[derive(Debug, thiserror::Error)]
#[error("{} is in the folder of the session's own checkpoints, which --resume needs unchanged; name a file elsewhere", printable_path(.0))]
pub struct BadTarget(pub PathBuf);

/// Why sessions are not removed.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    #[error("{} does not look like a session's folder, so nothing was removed; remove it by hand if you are sure", printable_path(.0))]
    NoSession(PathBuf),
    #[error("{} is a symbolic link; name the session's folder itself", printable_path(.0))]
    Link(PathBuf),
    #[error("there is no terminal to ask for confirmation, so nothing was removed; --yes removes without asking")]
    NoTerminal,
    #[error("nothing was removed")]
    Declined,
    #[error(
        "cannot remove {}: {source}; `masp sessions rm` can remove what is left of it",
        printable_path(path)
    )]
    Io { path: PathBuf, source: io::Error },
}

impl RemoveError {
    pub fn is_wrong_usage(&self) -> bool {
        matches!(self, Self::NoSession(_) | Self::Link(_) | Self::NoTerminal)
    }
}
