//! What can be wrong with a source of settings.

use std::{io, path::PathBuf};

use serde_json::Value;

use crate::printable::printable;

/// Why settings could not be loaded. `at` names the source: a file and line, a `--set`, a flag, a session's record.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    #[error("there is no config file {path:?}; name one that exists with --config, or leave --config out")]
    Missing { path: PathBuf },

    #[error("the config file {path:?} cannot be read: {source}")]
    Read { path: PathBuf, source: io::Error },

    #[error("{at}: this is not YAML that can be used: {message}")]
    Syntax { at: String, message: String },

    #[error("--set {text}: a setting is given as KEY=VALUE, for example --set train.epochs=2")]
    NotKeyValue { text: String },

    #[error("{at}: there is no setting `{key}`; the nearest known key is `{nearest}`")]
    UnknownKey { at: String, key: String, nearest: String },

    #[error("{at}: `{key}` is a section with keys of its own, not {value}")]
    NotSection { at: String, key: String, value: String },

    #[error("{at}: `{key}` is {value}; allowed is {allowed}")]
    NotAllowed {
        at: String,
        key: String,
        value: String,
        allowed: String,
    },

    #[error(
        "{at}: `{key}` is {value}, but {other} says otherwise; they mean the same setting, so leave one of them out"
    )]
    Contradiction {
        at: String,
        key: String,
        value: String,
        other: String,
    },

    #[error(
        "{at}: `{key}` is {pressed}, which is the key of `{other}` on the {screen} screen too; give one of them another key"
    )]
    KeyTaken {
        at: String,
        key: String,
        pressed: String,
        other: &'static str,
        screen: &'static str,
    },

    #[error(
        "{at}: `{key}` is no setting of a user's own config file, which holds `tui` alone; write it into the project's \
         config.yaml"
    )]
    NotOfTheUser { at: String, key: String },

    #[error("the settings do not fit together ({0}); this is a fault of the program, please report it")]
    Inconsistent(serde_json::Error),
}

impl ConfigError {
    /// Whether the user can mend it by other arguments or another config file (exit status 2); else it is a failure (1).
    #[must_use]
    pub const fn is_usage(&self) -> bool {
        !matches!(self, Self::Read { .. } | Self::Inconsistent(_))
    }
}

/// A value as a message shows it: short, and without control characters.
pub(super) fn shown(value: &Value) -> String {
    excerpt(&value.to_string())
}

/// Text from a file, short and without control characters.
pub(super) fn excerpt(text: &str) -> String {
    const MOST: usize = 160;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{} ...", printable(&text[..end])),
        None => printable(text).into_owned(),
    }
}
