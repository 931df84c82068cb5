//! The error that a command ends with, and its exit status.

use std::fmt;
use std::io::ErrorKind;
use std::process::ExitCode;

use crate::config::ConfigError;
use crate::engine::EngineError;
use crate::session::{CheckpointsError, FolderError, JournalError};
use crate::tui::TuiError;

/// An error for the user, handled in one place: `cli::run`.
#[derive(Debug)]
pub struct Failure {
    error: anyhow::Error,
    usage: bool,
}

impl Failure {
    /// Wrong usage: exit status 2.
    #[must_use]
    pub fn usage(message: impl fmt::Display) -> Self {
        Self {
            error: anyhow::anyhow!("{message}"),
            usage: true,
        }
    }

    /// A failure: exit status 1.
    #[must_use]
    pub fn failed(message: impl fmt::Display) -> Self {
        Self {
            error: anyhow::anyhow!("{message}"),
            usage: false,
        }
    }

    /// An error with its causes; `usage` as in [`Failure::usage`].
    #[must_use]
    pub fn of(error: impl std::error::Error + Send + Sync + 'static, usage: bool) -> Self {
        Self {
            error: error.into(),
            usage,
        }
    }

    /// Whether the reader of standard output has gone (`masp ... | head`), which is not an error.
    #[must_use]
    pub fn is_closed_pipe(&self) -> bool {
        self.error.chain().any(|error| {
            let io = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
            let json = error.downcast_ref::<serde_json::Error>();
            io.or(json.and_then(serde_json::Error::io_error_kind)) == Some(ErrorKind::BrokenPipe)
        })
    }

    /// The process's exit status.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(if self.usage { 2 } else { 1 })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self
            .error
            .to_string()
            .lines()
            .map(|line| crate::printable::printable(line).into_owned())
            .collect();
        f.write_str(&lines.join("\n"))
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let usage = error.is_usage();
        Self::of(error, usage)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let usage = error.is_usage();
        Self::of(error, usage)
    }
}

impl From<FolderError> for Failure {
    fn from(error: FolderError) -> Self {
        let usage = error.is_wrong_usage();
        Self::of(error, usage)
    }
}

macro_rules! failed_from {
    ($($error:ty),+) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::of(error, false)
            }
        })+
    };
}

failed_from!(
    JournalError,
    CheckpointsError,
    TuiError,
    std::io::Error,
    serde_json::Error
);
