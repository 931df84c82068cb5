//! A model folder's weights: memory-mapped safetensors files, with the hub's names.

mod error;
mod file_names;
pub mod files;
pub mod finite;
pub mod fp8;
mod mapped;
mod names;
mod packed_files;
pub mod packing;
#[cfg(test)]
mod packing_tests;
mod quantised;
#[cfg(test)]
mod tests;

use std::path::Path;

use candle_core::{DType, Device, Tensor};
use half::{bf16, f16};
use safetensors::Dtype;

use mapped::{Place, Shard, release, root_cause};

pub use error::WeightsError;
pub use mapped::Weights;
pub use packed_files::PackedFiles;
pub use packing::Packing;

/// Where a weight is stored, found without looking at its numbers.
struct Found<'a> {
    place: &'a Place,
    shard: &'a Shard,
    /// For an FP8 weight: the name of its scales, and how they are shared.
    scales: Option<(String, fp8::ScaleLayout)>,
}

impl Weights {
    /// Checks from the files' headers alone that a weight of this shape can be loaded. Returns the names of the tensors
    /// that it needs.
    ///
    /// # Errors
    /// As [`Self::tensor`], except for errors about its numbers.
    pub fn check(&self, name: &str, shape: &[usize]) -> Result<Vec<String>, WeightsError> {
        let scales = self.find(name, shape)?.scales.map(|(scales, _)| scales);
        Ok([name.to_owned()].into_iter().chain(scales).collect())
    }

    /// Loads a weight of a known shape, converted to `dtype` on `device`. All its numbers are finite in that format.
    ///
    /// # Errors
    /// [`WeightsError`]: it does not exist, has another shape, is quantised, holds numbers that are not finite, or
    /// cannot be loaded or converted.
    pub fn tensor(&self, name: &str, shape: &[usize], dtype: DType, device: &Device) -> Result<Tensor, WeightsError> {
        let found = self.find(name, shape)?;
        let path = &found.shard.path;
        let load_error = |source| found.unloadable(name, source);
        let view = found.shard.file.get(&found.place.name).map_err(load_error)?;
        let numbers = |odd: Option<(usize, f64)>| match odd {
            Some((index, value)) => Err(WeightsError::NotFinite {
                path: path.clone(),
                name: name.to_owned(),
                value,
                place: place_of(index, shape),
                dtype: dtype.as_str(),
            }),
            None => Ok(()),
        };
        let tensor = match &found.scales {
            None => {
                numbers(finite::first_not_finite(view.data(), found.place.dtype, most(dtype)))?;
                found.shard.file.load(&found.place.name, device)
            }
            Some((scales, shared)) => {
                let scales = self.scales(scales, path, name)?;
                let columns = shape.last().copied().unwrap_or(1);
                let product = fp8::numbers(view.data(), columns, &scales, *shared);
                numbers(finite::first_not_finite_of(&product, most(dtype)))?;
                Tensor::from_vec(product, shape, device)
            }
        };
        release(view.data());
        tensor.and_then(|tensor| tensor.to_dtype(dtype)).map_err(load_error)
    }

    fn find(&self, name: &str, shape: &[usize]) -> Result<Found<'_>, WeightsError> {
        let place = self.places.get(name);
        let Some((place, shard)) = place.and_then(|place| Some((place, self.shards.get(place.shard)?))) else {
            return Err(self.missing(name));
        };
        let plain = matches!(place.dtype, Dtype::BF16 | Dtype::F16 | Dtype::F32 | Dtype::F64);
        let scales = ["_scale", "_scale_inv"]
            .map(|end| format!("{name}{end}"))
            .into_iter()
            .find(|scales| self.contains(scales));
        if !plain && (place.dtype != Dtype::F8_E4M3 || scales.is_none()) {
            return Err(WeightsError::Quantised {
                folder: self.folder.clone(),
                method: self.method(name),
                name: name.to_owned(),
                stored: quantised::stored(place.dtype),
            });
        }
        if place.shape != shape {
            return Err(WeightsError::Shape {
                path: shard.path.clone(),
                name: name.to_owned(),
                found: place.shape.clone(),
                expected: shape.to_vec(),
            });
        }
        let scales = match scales.filter(|_| !plain) {
            None => None,
            Some(scales) => {
                let of_scales = self.shape(&scales).unwrap_or_default();
                let shared = fp8::shared(shape, of_scales, self.quantisation.block);
                let shared = shared.map_err(|reason| WeightsError::Scales {
                    path: shard.path.clone(),
                    name: name.to_owned(),
                    reason,
                })?;
                Some((scales, shared))
            }
        };
        Ok(Found { place, shard, scales })
    }

    /// The error for a weight that does not exist.
    fn missing(&self, name: &str) -> WeightsError {
        if self.is_packed(name) {
            return WeightsError::Quantised {
                folder: self.folder.clone(),
                method: self.method(name),
                name: name.to_owned(),
                stored: "packed under other names".to_owned(),
            };
        }
        let base = name.strip_suffix(".weight").unwrap_or(name);
        let block = name
            .split_once(".mlp.")
            .map(|(block, _)| format!("{block}.mlp.experts."));
        let begins = |begin: &str| {
            let mut from = self.places.range(begin.to_owned()..);
            from.next().is_some_and(|(name, _)| name.starts_with(begin))
        };
        let hint = if begins(&format!("{base}.base_layer.")) || begins(&format!("{base}.lora_")) {
            "it was saved with an adapter around it; merge it first (peft: `model.merge_and_unload()`) and save that"
        } else if block.is_some_and(|block| begins(&block)) {
            "it is a mixture of experts, and this program runs models with one feed-forward network a layer"
        } else if name.starts_with("visual.") && !begins("visual.") {
            "it has no vision tower at all: it is a text-only model"
        } else {
            "is it of the family that config.json says, and does config.json belong to it?"
        };
        WeightsError::Missing {
            folder: self.folder.clone(),
            name: name.to_owned(),
            hint,
        }
    }

    fn scales(&self, scales: &str, path: &Path, name: &str) -> Result<Vec<f32>, WeightsError> {
        let wrong = |reason: String| WeightsError::Scales {
            path: path.to_owned(),
            name: name.to_owned(),
            reason,
        };
        let place = self.places.get(scales).filter(|place| {
            // Scales stored as integers or as exponents alone follow other conventions.
            matches!(place.dtype, Dtype::BF16 | Dtype::F16 | Dtype::F32)
        });
        let place = place.ok_or_else(|| wrong("they are not bf16, f16 or f32".to_owned()))?;
        let shard = self.shards.get(place.shard).ok_or_else(|| self.missing(scales))?;
        let read = || {
            let tensor = shard.file.load(&place.name, &Device::Cpu)?;
            tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()
        };
        let values = read().map_err(|error| wrong(root_cause(&error)))?;
        match values.iter().find(|value| !value.is_finite()) {
            Some(value) => Err(wrong(format!("one of them is {value}"))),
            None => Ok(values),
        }
    }
}

/// The largest number in the format.
fn most(dtype: DType) -> f64 {
    match dtype {
        DType::F16 => f16::MAX.to_f64(),
        DType::BF16 => bf16::MAX.to_f64(),
        _ => f64::from(f32::MAX),
    }
}

/// The indices (row, column, ...) of an element.
fn place_of(index: usize, shape: &[usize]) -> Vec<usize> {
    let mut rest = index;
    let mut place: Vec<usize> = shape
        .iter()
        .rev()
        .map(|&size| {
            let here = rest % size.max(1);
            rest /= size.max(1);
            here
        })
        .collect();
    place.reverse();
    place
}
