//! A checkpoint's metadata. Safetensors metadata holds strings only.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    path::Path,
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::checkpoint_error::CheckpointError;
use crate::printable::printable;
use crate::session::{Stage, TrainedOn};
use crate::vlm::config_file::Family;

/// The format's version. The reader refuses newer versions.
pub const FORMAT: u32 = 1;

/// A checkpoint's metadata, as stored in the safetensors header.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckpointMeta {
    /// The value of [`FORMAT`] in the program that wrote the file.
    pub format: u32,
    /// The program and its version.
    pub program: String,
    /// The base model's folder or hub id.
    pub base_model: String,
    /// The base model's family. Older files do not have this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// Width of the base model's language part.
    pub hidden_size: usize,
    pub stage: Stage,
    /// Optimiser steps made in this stage.
    pub step: u64,
    /// Hash of the settings that the run was made with.
    pub settings_hash: String,
    #[serde(flatten)]
    pub trained_on: TrainedOn,
    /// Whether this was the best checkpoint so far by the validation metric.
    #[serde(default)]
    pub best: bool,
    /// Whether the evaluation due at this step was still to come when the checkpoint was written.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub evaluation_due: bool,
    /// AdamW's own count of steps for each parameter.
    #[serde(default)]
    pub optimizer_steps: BTreeMap<String, u64>,
    /// The sampler's state, as JSON.
    #[serde(default)]
    pub sampler: Option<String>,
    /// The random generators' state, as JSON.
    #[serde(default)]
    pub rng: Option<String>,
}

impl CheckpointMeta {
    /// Checks that the file at `path`, whose metadata this is, belongs to a base model of the family `expected`.
    ///
    /// # Errors
    /// [`CheckpointError::OtherFamily`].
    pub fn check_family(&self, path: &Path, expected: Family) -> Result<(), CheckpointError> {
        let found = self.family.as_deref();
        let found = found.unwrap_or_else(|| Family::OF_OLD_CHECKPOINTS.name());
        if found == expected.name() {
            return Ok(());
        }
        Err(CheckpointError::OtherFamily {
            path: path.to_owned(),
            found: printable(&found.chars().take(40).collect::<String>()).into_owned(),
            expected: expected.name(),
        })
    }
}

#[cfg(test)]
impl CheckpointMeta {
    /// Example metadata for tests of this and other modules.
    pub(super) fn example() -> Self {
        Self {
            format: FORMAT,
            program: "masp 0.1.0".to_owned(),
            base_model: "Qwen/Qwen2-VL-2B-Instruct".to_owned(),
            family: Some("Qwen2-VL".to_owned()),
            hidden_size: 4,
            stage: Stage::Aspects,
            step: 17,
            settings_hash: "0123".to_owned(),
            trained_on: TrainedOn::of("7", None),
            best: true,
            evaluation_due: true,
            optimizer_steps: BTreeMap::from([("q_view.scene".to_owned(), 9)]),
            sampler: Some("7".to_owned()),
            rng: Some(r#"{"word":"\u0000"}"#.to_owned()),
        }
    }
}

/// Converts metadata to strings, because safetensors metadata holds nothing else: values that are not strings are
/// written as JSON.
pub(super) fn to_strings(meta: &CheckpointMeta) -> io::Result<Map<String, Value>> {
    match serde_json::to_value(meta)? {
        Value::Object(fields) => Ok(fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| match value {
                Value::String(text) => (key, Value::String(text)),
                other => (key, Value::String(other.to_string())),
            })
            .collect()),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Reads the metadata back; `None` if another program wrote the file.
pub(super) fn from_strings(
    path: &Path,
    strings: &HashMap<String, String>,
) -> Result<Option<CheckpointMeta>, CheckpointError> {
    if !(strings.contains_key("program") && strings.contains_key("stage")) {
        return Ok(None);
    }
    let unfit = |reason: String| CheckpointError::NoCheckpoint {
        path: path.to_owned(),
        reason,
    };
    let format = strings.get("format").and_then(|format| format.parse().ok());
    let format: u32 = format.ok_or_else(|| unfit("its format version is missing".to_owned()))?;
    if format > FORMAT {
        return Err(CheckpointError::Newer {
            path: path.to_owned(),
            found: format,
        });
    }
    let fields = strings.iter().map(|(key, text)| {
        let value = match key.as_str() {
            "format" | "hidden_size" | "step" | "best" | "evaluation_due" | "optimizer_steps" => {
                serde_json::from_str(text).ok()
            }
            _ => None,
        };
        (key.clone(), value.unwrap_or_else(|| Value::String(text.clone())))
    });
    serde_json::from_value(Value::Object(fields.collect()))
        .map(Some)
        .map_err(|error| {
            unfit(format!(
                "its metadata cannot be parsed ({})",
                error.to_string().escape_debug()
            ))
        })
}
