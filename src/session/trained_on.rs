//! The note in a file of parameters that says which run they come from, for a file outside its session.

use serde::{Deserialize, Serialize};

use super::SessionStart;

/// Session and dataset; empty in older files and in a session's own checkpoints.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrainedOn {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The dataset's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// Its root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
}

impl TrainedOn {
    /// The note for a session with this name and start.
    #[must_use]
    pub fn of(session: &str, start: Option<&SessionStart>) -> Self {
        Self {
            session: Some(session.to_owned()),
            dataset: start.map(|start| start.dataname.clone()),
            data: start.map(|start| start.data.clone()),
            split: Some("train".to_owned()),
        }
    }
}
