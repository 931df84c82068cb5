//! A model folder's weights: memory-mapped safetensors files, with the hub's names.

mod error;
pub mod files;
pub mod finite;
pub mod fp8;
mod names;
mod quantised;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
};

use candle_core::{DType, Device, Tensor, safetensors::MmapedSafetensors};
use half::{bf16, f16};
use safetensors::Dtype;

use super::{config_file::Quantisation, placeholder::Placeholder};
use crate::{bounded_file::open_regular, printable::printable, safetensors_header::check_header};
pub use error::WeightsError;

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// The weights of a folder, mapped into memory. They are known by the hub's older names (`visual.*`, `model.*`,
/// `lm_head.weight`), to which newer and wrapped names are converted.
pub struct Weights {
    folder: PathBuf,
    shards: Vec<Shard>,
    /// By the hub's older name.
    places: BTreeMap<String, Place>,
    quantisation: Quantisation,
}

struct Shard {
    path: PathBuf,
    file: MmapedSafetensors,
}

struct Place {
    shard: usize,
    /// The name in the shard.
    name: String,
    shape: Vec<usize>,
    dtype: Dtype,
}

/// Where a weight is stored, found without looking at its numbers.
struct Found<'a> {
    place: &'a Place,
    shard: &'a Shard,
    /// For an FP8 weight: the name of its scales, and how they are shared.
    scales: Option<(String, fp8::Shared)>,
}

impl Weights {
    /// Maps `model.safetensors`, the shards of `model.safetensors.index.json`, or their unambiguous equivalents.
    ///
    /// # Errors
    /// [`WeightsError`]: the folder does not exist or has no weights, a shard is missing, or an index or a shard is
    /// damaged.
    pub fn open(folder: &Path) -> Result<Self, WeightsError> {
        let mut weights = Self {
            folder: folder.to_owned(),
            shards: Vec::new(),
            places: BTreeMap::new(),
            quantisation: Quantisation::default(),
        };
        for file in files::weight_files(folder)? {
            weights.add(file)?;
        }
        Ok(weights)
    }

    /// Adds the quantisation settings of config.json.
    #[must_use]
    pub fn quantised(self, quantisation: Quantisation) -> Self {
        Self { quantisation, ..self }
    }

    /// The folder that contains the weights.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether there is a weight of this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// A weight's shape.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.places.get(name).map(|place| place.shape.as_slice())
    }

    /// How a weight is stored.
    #[must_use]
    pub fn dtype(&self, name: &str) -> Option<Dtype> {
        self.places.get(name).map(|place| place.dtype)
    }

    /// All names, in byte order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }

    /// Whether two weights are stored with the same bytes; reads both.
    #[must_use]
    pub fn are_equal(&self, one: &str, other: &str) -> bool {
        let view = |name: &str| {
            let place = self.places.get(name)?;
            self.shards.get(place.shard)?.file.get(&place.name).ok()
        };
        match (view(one), view(other)) {
            (Some(one), Some(other)) => one.dtype() == other.dtype() && one.data() == other.data(),
            _ => false,
        }
    }

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
        let load_error = |source: candle_core::Error| WeightsError::Load {
            path: path.clone(),
            name: name.to_owned(),
            source: Box::new(source),
        };
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
                numbers(finite::first_odd(view.data(), found.place.dtype, most(dtype)))?;
                found.shard.file.load(&found.place.name, device)
            }
            Some((scales, shared)) => {
                let scales = self.scales(scales, path, name)?;
                let columns = shape.last().copied().unwrap_or(1);
                let product = fp8::numbers(view.data(), columns, &scales, *shared);
                numbers(finite::first_odd_of(&product, most(dtype)))?;
                Tensor::from_vec(product, shape, device)
            }
        };
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
        let place = place.ok_or_else(|| wrong("they are no bf16, f16 or f32".to_owned()))?;
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

    fn add(&mut self, path: PathBuf) -> Result<(), WeightsError> {
        let opened = open_regular(&path).and_then(|file| check_header(&file));
        opened.map_err(|source| unreadable(&path, source))?;
        // SAFETY: model folders are only read while a model is loaded; a file that another program cuts short
        // meanwhile ends the process, which is the known price of mapping gigabytes instead of copying them.
        let file = unsafe { MmapedSafetensors::new(&path) }.map_err(|error| unmappable(&path, error))?;
        let shard = self.shards.len();
        for (name, view) in file.tensors() {
            let older = names::older(&name);
            let place = Place {
                shard,
                shape: view.shape().to_vec(),
                dtype: view.dtype(),
                name,
            };
            if self.places.insert(older.clone(), place).is_some() {
                return Err(WeightsError::Twice {
                    folder: self.folder.clone(),
                    name: printable(&older).into_owned(),
                });
            }
        }
        self.shards.push(Shard { path, file });
        Ok(())
    }

    /// The number of layers below a prefix such as `model.layers.`: the highest index plus one.
    #[must_use]
    pub fn layers(&self, prefix: &str) -> usize {
        let below = self.places.range(prefix.to_owned()..).map(|(name, _)| name);
        let numbers: BTreeSet<usize> = below
            .map_while(|name| name.strip_prefix(prefix))
            .filter_map(|rest| rest.split('.').next()?.parse().ok())
            .collect();
        numbers.last().map_or(0, |last| last.saturating_add(1))
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

fn unreadable(path: &Path, source: io::Error) -> WeightsError {
    let path = path.to_owned();
    match (source.kind(), Placeholder::at(&path)) {
        (io::ErrorKind::OutOfMemory, _) => WeightsError::NoMemory {
            bytes: std::fs::metadata(&path).map_or(0, |found| found.len()),
            path,
        },
        (_, Some(what)) => WeightsError::Placeholder { path, what },
        (io::ErrorKind::InvalidData, _) => WeightsError::Damaged {
            path,
            reason: source.to_string(),
        },
        _ => WeightsError::Read { path, source },
    }
}

/// A file that the system cannot map may still be intact; one whose header cannot be parsed is damaged.
fn unmappable(path: &Path, error: candle_core::Error) -> WeightsError {
    match innermost(error) {
        candle_core::Error::Io(source) => unreadable(path, source),
        other => match Placeholder::at(path) {
            Some(what) => WeightsError::Placeholder {
                path: path.to_owned(),
                what,
            },
            None => WeightsError::Damaged {
                path: path.to_owned(),
                reason: root_cause(&other),
            },
        },
    }
}

/// Removes candle's wrapping, which adds the path, because our message already names it.
fn innermost(error: candle_core::Error) -> candle_core::Error {
    match error {
        candle_core::Error::WithPath { inner, .. } | candle_core::Error::WithBacktrace { inner, .. } => {
            innermost(*inner)
        }
        other => other,
    }
}

fn root_cause(error: &candle_core::Error) -> String {
    let text = match error {
        candle_core::Error::WithPath { inner, .. } | candle_core::Error::WithBacktrace { inner, .. } => {
            return root_cause(inner);
        }
        other => other.to_string(),
    };
    text.escape_debug().to_string()
}
