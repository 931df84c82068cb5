//! The attention of the panel's images as NumPy arrays.

use candle_core::{Device, Tensor};
use serde_json::json;

use super::maps::looks;
use super::{ExportError, Source};

/// An `.npz` archive: `image<slot>/<aspect>` is an array `[queries, height, width]` of f32, whose queries sum to 1 each, for
/// each panel image as it was seen last or at `step`. `about` holds the bytes of a JSON document that says which image each
/// slot is.
///
/// # Errors
/// No panel image was evaluated, its files cannot be read, or the archive cannot be made.
pub fn attention_npz(source: &Source, step: Option<u64>) -> Result<Vec<u8>, ExportError> {
    let failed = |error: &dyn std::fmt::Display| ExportError::Nothing(format!("the arrays cannot be made: {error}"));
    let mut arrays: Vec<(String, Tensor)> = Vec::new();
    let mut images = Vec::new();
    for look in looks(source, step)? {
        let said = source.prediction(look)?;
        images.push(json!({
            "slot": look.slot, "image": look.image, "gold": look.gold, "prediction": said.prediction,
            "stage": look.stage, "step": look.step,
        }));
        for (view, seen) in &said.aspects {
            // A file whose weights do not fit its grid has no array, as it has no map.
            let Some([height, width]) = seen.whole_grid() else {
                continue;
            };
            let shape = (seen.attention.len(), height, width);
            let tensor =
                Tensor::from_vec(seen.attention.concat(), shape, &Device::Cpu).map_err(|error| failed(&error))?;
            arrays.push((format!("image{}/{view}", look.slot), tensor));
        }
    }
    let about = json!({
        "session": source.name,
        "model": source.state.session.as_ref().map(|session| &session.model),
        "data": source.state.session.as_ref().map(|session| &session.data),
        "images": images,
    });
    let about = about.to_string().into_bytes();
    let length = about.len();
    let about = Tensor::from_vec(about, length, &Device::Cpu).map_err(|error| failed(&error))?;
    arrays.push(("about".to_owned(), about));
    // candle writes archives into files only.
    let file = tempfile::NamedTempFile::new().map_err(|error| failed(&error))?;
    Tensor::write_npz(&arrays, file.path()).map_err(|error| failed(&error))?;
    std::fs::read(file.path()).map_err(|error| failed(&error))
}
