//! A JSON file of a model folder.

use std::{
    io,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use crate::bounded_file::read_text;
use crate::printable::{printable, printable_path};
use crate::vlm::{LONGEST_CONFIG, placeholder::Placeholder};

/// Why a file's keys cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    #[error(
        "cannot read {}: {source}; check that the file is there and may be read",
        printable_path(path)
    )]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is {what}", printable_path(path))]
    Placeholder { path: PathBuf, what: Placeholder },
    #[error("{} is not valid: {reason}; download it again", printable_path(path))]
    Json { path: PathBuf, reason: String },
}

/// The JSON object in the file; a byte order mark before it is skipped.
///
/// # Errors
/// [`DocumentError`].
pub fn read(path: &Path) -> Result<Map<String, Value>, DocumentError> {
    let path = path.to_owned();
    let text = match read_text(&path, LONGEST_CONFIG) {
        Ok(text) => text,
        Err(source) => return Err(DocumentError::Read { path, source }),
    };
    match serde_json::from_str(text.trim_start_matches('\u{feff}')) {
        Ok(Value::Object(keys)) => Ok(keys),
        Ok(_) => Err(DocumentError::Json {
            path,
            reason: "it is not a JSON object".to_owned(),
        }),
        Err(error) => Err(match Placeholder::of(text.as_bytes()) {
            Some(what) => DocumentError::Placeholder { path, what },
            None => DocumentError::Json {
                path,
                reason: printable(&error.to_string()).into_owned(),
            },
        }),
    }
}
