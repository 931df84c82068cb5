//! Opening the base model that the settings name.

use std::path::PathBuf;

use candle_core::DType;

use super::device::Compute;
use super::error::EngineError;
use crate::config::{Quantize, Settings};
use crate::nn::weight::Format;
use crate::user_cache;
use crate::vlm::base::{BaseModel, LoadOptions};
use crate::vlm::weights::Packing;
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
    let packing = packing(settings.model.quantize);
    if packing.is_some() && compute.device.is_cuda() && compute.dtype == DType::F16 {
        return Err(EngineError::Usage(format!(
            "model.quantize: {} needs bf16 or f32 on a GPU, because no kernel unpacks to f16; set model.dtype: auto",
            settings.model.quantize.name()
        )));
    }
    let (name, folder) = locate(settings, &mut phase)?;
    let options = LoadOptions {
        name,
        dtype: compute.dtype,
        device: compute.device.clone(),
        min_pixels: settings.model.min_pixels,
        max_pixels: settings.model.max_pixels,
        prompt_tokens: settings.prompt.tokens,
        packing,
    };
    let loading = match settings.model.quantize {
        Quantize::None => "loading weights".to_owned(),
        quantised => format!("loading weights in {}", quantised.name()),
    };
    Ok(BaseModel::open(&folder, options, |done, total| {
        phase(&loading, done as u64, total as u64);
    })?)
}

/// How the setting has weights packed; they are kept in the user's cache.
fn packing(quantize: Quantize) -> Option<Packing> {
    let format = match quantize {
        Quantize::None => return None,
        Quantize::Q8_0 => Format::Q8_0,
        Quantize::Q4K => Format::Q4K,
    };
    Some(Packing {
        format,
        kept_in: Some(user_cache::folder().join("quantised")),
    })
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
