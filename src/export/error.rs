//! Why an export failed.

use std::io;
use std::path::PathBuf;

use crate::printable::printable_path;
use crate::session::{JournalError, ResultsError};

/// Why an export failed, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Results(#[from] ResultsError),
    #[error("{0}")]
    Nothing(String),
    #[error("{0}")]
    Selected(String),
    #[error("cannot write {}: {source}", printable_path(path))]
    Write { path: PathBuf, source: io::Error },
    #[error("{} lies in the session's own folder, which keeps what the run wrote; name a file elsewhere", printable_path(.0))]
    Own(PathBuf),
    #[error("a name in .{ending} cannot hold {what}; use {use_instead}")]
    Ending {
        ending: String,
        what: &'static str,
        use_instead: String,
    },
}
