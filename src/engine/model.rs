//! Opening the base model that the settings name.

use std::path::PathBuf;

use super::device::Compute;
use super::error::EngineError;
use crate::config::Settings;
use crate::vlm::base::{BaseModel, LoadOptions};
use crate::vlm::{hub, tiny};

/// Opens the model: a folder, a hub id, or the embedded tiny one. `phase` gets the current phase and its progress.
///
/// # Errors
/// Where it cannot be downloaded, read or built.
pub fn open(
    settings: &Settings,
    compute: &Compute,
    mut phase: impl FnMut(&str, u64, u64),
) -> Result<BaseModel, EngineError> {
    let (name, folder) = locate(settings, &mut phase)?;
    let options = LoadOptions {
        name,
        dtype: compute.dtype,
        device: compute.device.clone(),
        min_pixels: settings.model.min_pixels,
        max_pixels: settings.model.max_pixels,
        prompt_tokens: settings.prompt.tokens,
    };
    Ok(BaseModel::open(&folder, options, |done, total| {
        phase("loading weights", done as u64, total as u64);
    })?)
}

/// The name that records give a model.
#[must_use]
pub fn name(settings: &Settings) -> String {
    settings.model.path.clone().unwrap_or_else(|| tiny::NAME.to_owned())
}

fn locate(settings: &Settings, phase: &mut impl FnMut(&str, u64, u64)) -> Result<(String, PathBuf), EngineError> {
    let folder = match &settings.model.path {
        Some(path) => hub::model_folder(path, &mut |download| {
            phase(
                &format!("downloading {}", download.file),
                download.bytes_done,
                download.bytes_total,
            );
        })?,
        None => tiny::folder().map_err(|source| EngineError::Write {
            path: "the embedded model's folder".to_owned(),
            source,
        })?,
    };
    Ok((name(settings), folder))
}
