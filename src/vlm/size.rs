//! How many bytes a model's weights take, from its configuration alone.

use std::cell::Cell;

use candle_core::{DType, Device, Result, Tensor};

use super::Parameters;
use super::frozen::Frozen;
use super::model_config::ModelConfig;
use super::weights::Packing;
use crate::nn::Weight;

/// The bytes of all weights in `dtype` on a CUDA device, with the language model's matrices packed if they are.
///
/// # Errors
/// Where no model of these sizes can be built.
pub fn bytes(config: &ModelConfig, dtype: DType, packing: Option<&Packing>) -> Result<u64> {
    let counted = Counted {
        bytes: Cell::new(0),
        dtype,
        packing,
    };
    Frozen::new(config, &counted, |_, _| ())?;
    Ok(counted.bytes.get())
}

/// Weights that are a single zero each, broadcast.
struct Counted<'a> {
    bytes: Cell<u64>,
    dtype: DType,
    packing: Option<&'a Packing>,
}

impl Counted<'_> {
    fn add(&self, bytes: u64) {
        self.bytes.set(self.bytes.get().saturating_add(bytes));
    }
}

impl Parameters for Counted<'_> {
    fn weight(&self, name: &str, shape: &[usize; 2]) -> Result<Weight> {
        let before = self.bytes.get();
        let zero = self.get(name, shape)?;
        if let Some(bytes) = self.packing.and_then(|packing| packing.bytes(name, shape)) {
            self.bytes.set(before);
            self.add(bytes);
        }
        Ok(Weight::Dense(zero))
    }

    fn get(&self, _: &str, shape: &[usize]) -> Result<Tensor> {
        let numbers = shape.iter().fold(1_u64, |all, &size| all.saturating_mul(size as u64));
        self.add(numbers.saturating_mul(self.dtype.size_in_bytes() as u64));
        Tensor::zeros((), DType::F32, &Device::Cpu)?.broadcast_as(shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::weight::Format;
    use crate::vlm::config_file::{ConfigFile, Family};
    use crate::vlm::random_model;
    use crate::vlm::weights::packing::is_of_language;

    #[test]
    fn the_bytes_are_those_of_the_files() {
        for family in Family::ALL {
            let folder = random_model::folder(family);
            let config = ModelConfig::of(&ConfigFile::read(folder.path()).unwrap()).unwrap();
            let file = folder.path().join("model.safetensors");
            let stored = candle_core::safetensors::load(file, &Device::Cpu).unwrap();
            let numbers: usize = stored.values().map(Tensor::elem_count).sum();
            assert_eq!(
                bytes(&config, DType::BF16, None).unwrap(),
                2 * numbers as u64,
                "{family:?}"
            );
            let matrices = stored
                .iter()
                .filter(|(name, weight)| is_of_language(name) && weight.rank() == 2);
            let of_matrices: usize = matrices.map(|(_, weight)| weight.elem_count()).sum();
            let packing = Packing {
                format: Format::Q8_0,
                kept_in: None,
            };
            let packed = 2 * (numbers - of_matrices) + of_matrices / 32 * 34;
            assert_eq!(
                bytes(&config, DType::BF16, Some(&packing)).unwrap(),
                packed as u64,
                "{family:?}"
            );
        }
    }
}
