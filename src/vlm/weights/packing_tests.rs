//! Packed weights of a folder: what is packed, what stays as it is, and what is kept for the next time.

use std::fs;
use std::path::Path;

use candle_core::{DType, Device, Tensor};

use super::packed_files::PackedFiles;
use super::{Packing, Weights, WeightsError};
use crate::nn::Weight;
use crate::nn::weight::Format;

const SHAPE: [usize; 2] = [64, 96];
const CPU: (DType, &Device) = (DType::F32, &Device::Cpu);

fn noise(seed: f32) -> Tensor {
    let values: Vec<f32> = (0..SHAPE[0] * SHAPE[1])
        .map(|i| (i as f32 * 0.7 + seed).sin())
        .collect();
    Tensor::from_vec(values, &SHAPE[..], &Device::Cpu).unwrap()
}

/// A folder with a matrix of the language model and one of the tower, stored in `dtype`.
fn folder(dtype: DType) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str, seed| (name.to_owned(), noise(seed).to_dtype(dtype).unwrap());
    let tensors = [of("model.layers.0.mlp.up_proj.weight", 1.0), of("visual.x.weight", 2.0)];
    let odd = Tensor::ones((3, 5), dtype, &Device::Cpu).unwrap();
    let tensors = tensors
        .into_iter()
        .chain([("model.odd.weight".to_owned(), odd)])
        .collect();
    candle_core::safetensors::save(&tensors, folder.path().join("model.safetensors")).unwrap();
    folder
}

fn packing(format: Format) -> Packing {
    Packing { format, kept_in: None }
}

fn numbers(weight: &Weight) -> Vec<f32> {
    let numbers = weight.numbers().unwrap().flatten_all().unwrap();
    numbers.to_dtype(DType::F32).unwrap().to_vec1().unwrap()
}

fn of(folder: &Path, name: &str, format: Format, compute: (DType, &Device)) -> Weight {
    let weights = Weights::open(folder).unwrap();
    weights.packed(name, &SHAPE, (&packing(format), None), compute).unwrap()
}

#[test]
fn the_language_model_is_in_blocks_and_the_tower_as_it_is() {
    let language = "model.layers.0.mlp.up_proj.weight";
    for stored in [DType::F32, DType::BF16, DType::F16, DType::F64] {
        let folder = folder(stored);
        for (format, bound) in [(Format::Q8_0, 0.009), (Format::Q4K, 0.08)] {
            let weight = of(folder.path(), language, format, CPU);
            assert!(matches!(weight, Weight::Packed(_)));
            let exact = numbers(&Weight::Dense(noise(1.0)));
            let most = numbers(&weight)
                .iter()
                .zip(exact)
                .map(|(got, want)| (got - want).abs())
                .fold(0.0, f32::max);
            assert!(most > 0.0 && most < bound, "{format:?} of {stored:?}: {most}");
        }
        let tower = of(folder.path(), "visual.x.weight", Format::Q4K, CPU);
        let exact = noise(2.0).to_dtype(stored).unwrap();
        assert_eq!(numbers(&tower), numbers(&Weight::Dense(exact)), "{stored:?}");
        let halves = matches!(stored, DType::BF16 | DType::F16);
        assert_eq!(matches!(tower, Weight::Packed(_)), halves, "{stored:?}");
    }
}

#[test]
fn a_matrix_that_is_not_whole_blocks_stays_as_it_is() {
    let folder = folder(DType::BF16);
    let weights = Weights::open(folder.path()).unwrap();
    let weight = weights
        .packed("model.odd.weight", &[3, 5], (&packing(Format::Q4K), None), CPU)
        .unwrap();
    assert!(matches!(weight, Weight::Packed(_)), "as it is stored: in 16 bits");
    assert_eq!(numbers(&weight), vec![1.0; 15]);
}

#[test]
fn blocks_are_kept_and_read_again_unless_damaged_or_of_other_files() {
    let (folder, cache) = (folder(DType::BF16), tempfile::tempdir().unwrap());
    let name = "model.layers.0.mlp.up_proj.weight";
    let read = || {
        let weights = Weights::open(folder.path()).unwrap();
        let kept = PackedFiles::of(&weights, cache.path());
        let weight = weights
            .packed(name, &SHAPE, (&packing(Format::Q8_0), Some(&kept)), CPU)
            .unwrap();
        assert_eq!(kept.notice(), None);
        numbers(&weight)
    };
    let kept = || {
        let mut files: Vec<_> = fs::read_dir(cache.path()).unwrap().flatten().collect();
        assert_eq!(files.len(), 1, "a folder a model");
        files.remove(0).path().join(format!("{name}.q8_0"))
    };
    let first = read();
    let mut bytes = fs::read(kept()).unwrap();
    // A number in the file that the weights do not hold shows that the file was read.
    let (blocks, sum) = bytes.split_at_mut(SHAPE[0] * SHAPE[1] / 32 * 34);
    blocks[2] ^= 1;
    sum.copy_from_slice(&super::packed_files::CHECKSUM.checksum(blocks).to_le_bytes());
    fs::write(kept(), &bytes).unwrap();
    assert_ne!(read(), first, "read from the kept file");
    bytes[100] ^= 1;
    fs::write(kept(), &bytes).unwrap();
    assert_eq!(read(), first, "damaged, so quantised again");
    assert_eq!(read(), first);
    fs::write(kept(), &bytes[..50]).unwrap();
    assert_eq!(read(), first, "cut short, so quantised again");
}

#[test]
fn a_cache_that_cannot_be_written_costs_a_notice() {
    let (folder, cache) = (folder(DType::F32), tempfile::NamedTempFile::new().unwrap());
    let weights = Weights::open(folder.path()).unwrap();
    let kept = PackedFiles::of(&weights, cache.path());
    let name = "model.layers.0.mlp.up_proj.weight";
    assert!(
        weights
            .packed(name, &SHAPE, (&packing(Format::Q8_0), Some(&kept)), CPU)
            .is_ok()
    );
    let notice = kept.notice().unwrap();
    assert!(notice.contains("quantised again"), "{notice}");
}

#[test]
fn numbers_that_no_block_can_hold_are_refused_with_their_place() {
    for (value, stored) in [
        (f64::NAN, DType::BF16),
        (70_000.0, DType::F32),
        (f64::INFINITY, DType::F16),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut values = vec![0.5; SHAPE[0] * SHAPE[1]];
        values[2 * SHAPE[1] + 3] = value;
        let tensor = Tensor::from_vec(values, &SHAPE[..], &Device::Cpu).unwrap();
        let tensors = [("lm_head.weight".to_owned(), tensor.to_dtype(stored).unwrap())].into();
        candle_core::safetensors::save(&tensors, folder.path().join("model.safetensors")).unwrap();
        let weights = Weights::open(folder.path()).unwrap();
        let fault = weights.packed("lm_head.weight", &SHAPE, (&packing(Format::Q4K), None), CPU);
        match fault {
            Err(WeightsError::NotFinite { place, .. }) => assert_eq!(place, [2, 3]),
            other => panic!("{value} in {stored:?}: {other:?}"),
        }
    }
}
