//! What a file of parameters says of the run that they are from, where it lies without its session.

use serde::{Deserialize, Serialize};

use super::SessionStart;

/// Session and dataset; files of before this was said, and a session's own checkpoints, have none.
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
    /// What a session that began so trains on.
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
