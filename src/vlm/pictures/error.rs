//! What can be wrong with a picture, or with the settings of its preparation.

use std::path::PathBuf;

use crate::printable::printable_path;
use crate::vlm::config_file::DocumentError;

/// Why a picture cannot be prepared, or why settings are invalid.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error(
        "cannot read the image processor's settings {}: {reason}; the file comes with the model folder",
        printable_path(path)
    )]
    File { path: PathBuf, reason: String },
    #[error("the image processor's setting `{key}` {reason}; correct preprocessor_config.json or model.{key}")]
    Setting { key: &'static str, reason: String },
    #[error(
        "in {}, preprocessor_config.json (or processor_config.json) {reason}",
        printable_path(folder)
    )]
    Mismatch { folder: PathBuf, reason: String },
    #[error(
        "a picture of {width} x {height} pixels is too long for the model: its sides may differ by a factor of at most \
         {most}; crop it or leave it out"
    )]
    AspectRatio { width: u32, height: u32, most: u32 },
}
