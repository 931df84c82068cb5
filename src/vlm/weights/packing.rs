//! Frozen weights in compact formats: which weights take which, and how they are made from the files.

use std::path::PathBuf;

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{DType, Device, Tensor};
use half::f16;
use rayon::prelude::*;
use safetensors::Dtype;

use super::mapped::release;
use super::packed_files::PackedFiles;
use super::{Found, Weights, WeightsError, finite, fp8, place_of};
use crate::nn::weight::{Format, Packed};
use crate::nn::{Weight, without_backtrace};

/// Numbers that a task quantises: whole blocks of every format.
const GRAIN: usize = 1 << 16;

/// How frozen weights are packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packing {
    /// The format of the language model's matrices.
    pub format: Format,
    /// The folder in which quantised weights are kept; `None`: they are made anew each time.
    pub kept_in: Option<PathBuf>,
}

impl Packing {
    /// The bytes of the matrix's blocks; `None` if it is not packed in blocks.
    #[must_use]
    pub fn bytes(&self, name: &str, shape: &[usize; 2]) -> Option<u64> {
        let count = shape[0].checked_mul(shape[1])?;
        let (_, size) = blocks(self.format, count).filter(|_| is_of_language(name))?;
        Some(size as u64)
    }
}

impl Weights {
    /// The matrix `name` `[rows, columns]`, which is computed with in `dtype` on `device`. The language model's are in
    /// blocks of the packing's format: layers, embeddings and head. All others are as they are; on a CPU, those with 16 bits
    /// are not widened.
    ///
    /// # Errors
    /// As [`Self::tensor`].
    pub fn packed(
        &self,
        name: &str,
        shape: &[usize; 2],
        (packing, kept): (&Packing, Option<&PackedFiles>),
        (dtype, device): (DType, &Device),
    ) -> Result<Weight, WeightsError> {
        let found = self.find(name, shape)?;
        let count = shape[0] * shape[1];
        let (format, bytes) = if is_of_language(name)
            && let Some((format, size)) = blocks(packing.format, count)
        {
            let bytes = match kept.and_then(|kept| kept.read(name, format, size)) {
                Some(bytes) => bytes,
                None => {
                    let bytes = self.quantised_blocks((name, shape), &found, (format, size))?;
                    if let Some(kept) = kept {
                        kept.write(name, format, &bytes);
                    }
                    bytes
                }
            };
            (format, bytes)
        } else if let Some(format) = halves(found.place.dtype)
            && device.is_cpu()
            && matches!(dtype, DType::F32 | DType::F64)
        {
            let view = found.view(name)?;
            found.check(
                (name, shape),
                finite::first_not_finite(view, found.place.dtype, f64::MAX),
            )?;
            let bytes = view.to_vec();
            release(view);
            (format, bytes)
        } else {
            return self.tensor(name, shape, dtype, device).map(Weight::Dense);
        };
        let packed = Packed::new(format, bytes, (shape[0], shape[1]), (dtype, device));
        packed
            .map(Weight::Packed)
            .map_err(|source| found.unloadable(name, source))
    }

    /// The blocks, `size` bytes, of a weight's numbers. Never more than a few of these are in memory at a time.
    fn quantised_blocks(
        &self,
        (name, shape): (&str, &[usize; 2]),
        found: &Found<'_>,
        (format, size): (Format, usize),
    ) -> Result<Vec<u8>, WeightsError> {
        let view = found.view(name)?;
        let stored = found.place.dtype;
        let scaled = match &found.scales {
            Some((scales, shared)) => {
                let scales = self.scales(scales, &found.shard.path, name)?;
                Some(fp8::numbers(view, shape[1], &scales, *shared))
            }
            None => None,
        };
        // The blocks' scales are f16 numbers.
        let most = f16::MAX.to_f64();
        let odd = match &scaled {
            Some(numbers) => finite::first_not_finite_of(numbers, most),
            None => finite::first_not_finite(view, stored, most),
        };
        found.check((name, shape), odd)?;
        let mut bytes = vec![0; size];
        let quantised = bytes
            .par_chunks_mut(format.bytes_of(GRAIN).unwrap_or(size))
            .enumerate()
            .try_for_each(|(n, bytes)| {
                let (from, count) = (n * GRAIN, bytes.len() / format.bytes() * format.numbers());
                let numbers = match &scaled {
                    Some(numbers) => numbers[from..from + count].to_vec(),
                    None => numbers(view, stored, from, count),
                };
                let numbers = Tensor::from_vec(numbers, count, &Device::Cpu)?;
                let blocks = QTensor::quantize(&numbers, ggml(format))?;
                bytes.copy_from_slice(&blocks.data()?);
                Ok::<_, candle_core::Error>(())
            });
        release(view);
        quantised.map_err(|source| found.unloadable(name, source))?;
        Ok(bytes)
    }
}

impl<'a> Found<'a> {
    /// The weight's bytes.
    fn view(&self, name: &str) -> Result<&'a [u8], WeightsError> {
        let view = self.shard.file.get(&self.place.name);
        view.map(|view| view.data())
            .map_err(|source| self.unloadable(name, source))
    }

    /// The error where `candle` cannot read or move the weight `name`.
    pub(super) fn unloadable(&self, name: &str, source: candle_core::Error) -> WeightsError {
        WeightsError::Load {
            path: self.shard.path.clone(),
            name: name.to_owned(),
            source: Box::new(without_backtrace(source)),
        }
    }

    /// An error if there is a number that blocks cannot have, whose scales are f16.
    fn check(&self, (name, shape): (&str, &[usize; 2]), odd: Option<(usize, f64)>) -> Result<(), WeightsError> {
        match odd {
            None => Ok(()),
            Some((index, value)) => Err(WeightsError::NotFinite {
                path: self.shard.path.clone(),
                name: name.to_owned(),
                value,
                place: place_of(index, shape),
                dtype: "f16",
            }),
        }
    }
}

/// Whether a matrix of this name is the language model's.
#[must_use]
pub fn is_of_language(name: &str) -> bool {
    name.starts_with("model.") || name.starts_with("lm_head.")
}

/// The format for so many numbers, and their bytes: Q8_0 where they are not whole blocks of Q4_K, nothing where they are
/// not those of Q8_0 either.
fn blocks(format: Format, count: usize) -> Option<(Format, usize)> {
    let sized = |format: Format| Some((format, format.bytes_of(count)?));
    sized(format).or_else(|| sized(Format::Q8_0))
}

/// The format of weights that are stored in 16 bits.
const fn halves(stored: Dtype) -> Option<Format> {
    match stored {
        Dtype::BF16 => Some(Format::Bf16),
        Dtype::F16 => Some(Format::F16),
        _ => None,
    }
}

const fn ggml(format: Format) -> GgmlDType {
    match format {
        Format::Bf16 => GgmlDType::BF16,
        Format::F16 => GgmlDType::F16,
        Format::Q8_0 => GgmlDType::Q8_0,
        Format::Q4K => GgmlDType::Q4K,
    }
}

/// `count` stored numbers from number `from` on.
fn numbers(bytes: &[u8], stored: Dtype, from: usize, count: usize) -> Vec<f32> {
    if let Some(format) = halves(stored) {
        let mut numbers = vec![0.0; count];
        format.unpack(bytes, from, &mut numbers);
        return numbers;
    }
    let range = from..from + count;
    match stored {
        Dtype::F64 => bytes.as_chunks::<8>().0[range]
            .iter()
            .map(|&number| f64::from_le_bytes(number) as f32)
            .collect(),
        _ => bytes.as_chunks::<4>().0[range]
            .iter()
            .map(|&number| f32::from_le_bytes(number))
            .collect(),
    }
}
