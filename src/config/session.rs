//! `session:` — where runs are kept.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionSettings {
    /// The folder of all sessions.
    pub root: PathBuf,
    /// This session's name; `None`: made from the date.
    pub name: Option<String>,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            root: PathBuf::from("./sessions"),
            name: None,
        }
    }
}
