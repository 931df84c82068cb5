//! Packed weights against candle's own dequantisation, and against dense weights of the numbers that they stand for.

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{DType, Device, Result, Tensor, Var};

use super::{Format, Packed, Weight};
use crate::nn::Linear;
use crate::nn::cuda::emulated;
use crate::nn::tests::noise;

const FORMATS: [(Format, GgmlDType); 4] = [
    (Format::Bf16, GgmlDType::BF16),
    (Format::F16, GgmlDType::F16),
    (Format::Q8_0, GgmlDType::Q8_0),
    (Format::Q4K, GgmlDType::Q4K),
];

/// A matrix in `format`, and its numbers by candle (f32).
fn packed((format, ggml): (Format, GgmlDType), dims: (usize, usize), dtype: DType) -> (Packed, Tensor) {
    let numbers = noise(7, &[dims.0 * dims.1]).to_dtype(DType::F32).unwrap();
    let blocks = QTensor::quantize(&numbers, ggml).unwrap();
    let bytes = blocks.data().unwrap().to_vec();
    let numbers = blocks.dequantize(&Device::Cpu).unwrap().reshape(dims).unwrap();
    (
        Packed::new(format, bytes, dims, (dtype, &Device::Cpu)).unwrap(),
        numbers,
    )
}

fn numbers(x: &Tensor) -> Vec<f32> {
    let x = x.to_dtype(DType::F32).unwrap();
    x.flatten_all().unwrap().to_vec1().unwrap()
}

fn off(got: &Tensor, want: &Tensor) -> f64 {
    let (got, want) = (numbers(got), numbers(want));
    assert_eq!(got.len(), want.len());
    let norm = |all: &mut dyn Iterator<Item = f32>| all.map(|x| f64::from(x).powi(2)).sum::<f64>().sqrt();
    norm(&mut got.iter().zip(&want).map(|(a, b)| a - b)) / norm(&mut want.iter().copied())
}

#[test]
fn the_numbers_are_those_of_candle_to_the_bit_wherever_one_begins() {
    for format in FORMATS {
        // Rows of 40 numbers: most begin and end within a block.
        let (packed, want) = packed(format, (64, 40), DType::F32);
        let weight = Weight::from(packed.clone());
        assert_eq!(numbers(&weight.numbers().unwrap()), numbers(&want), "{format:?}");
        for (from, count) in [(0, 1), (1, 1), (3, 9), (63, 1), (7, 57), (5, 0)] {
            let rows = want.narrow(0, from, count).unwrap();
            assert_eq!(
                numbers(&weight.rows(from, count).unwrap()),
                numbers(&rows),
                "{format:?}"
            );
        }
        let ids = [63, 0, 17, 17, 5];
        let rows = want
            .index_select(&Tensor::new(&ids[..], &Device::Cpu).unwrap(), 0)
            .unwrap();
        assert_eq!(numbers(&weight.gather(&ids).unwrap()), numbers(&rows), "{format:?}");
        assert!(weight.gather(&[64]).is_err() && weight.rows(60, 5).is_err() && weight.first_rows(65).is_err());
        let first = weight.first_rows(6).unwrap();
        assert!(first.gather(&[6]).is_err() && first.dims().unwrap() == (6, 40));
    }
}

#[test]
fn bytes_that_are_not_the_matrix_are_refused() {
    let new = |bytes, dims| Packed::new(Format::Q4K, vec![0; bytes], dims, (DType::F32, &Device::Cpu));
    assert!(new(144, (4, 64)).is_ok());
    assert!(new(143, (4, 64)).is_err() && new(144, (4, 65)).is_err() && new(288, (4, 64)).is_err());
}

#[test]
fn the_kernel_unpacks_what_the_cpu_unpacks() {
    for format in &FORMATS[2..] {
        for (dtype, bound) in [(DType::F32, 1e-6), (DType::BF16, 3e-3)] {
            let (packed, want) = packed(*format, (64, 40), dtype);
            emulated(|| {
                let rows = packed.rows(3, 21).unwrap();
                assert_eq!(rows.dtype(), dtype);
                let error = off(&rows, &want.narrow(0, 3, 21).unwrap());
                assert!(error < bound, "{format:?} in {dtype:?}: {error:e}");
                let ids = [63, 0, 17];
                let error = off(
                    &packed.gather(&ids).unwrap(),
                    &want
                        .index_select(&Tensor::new(&ids[..], &Device::Cpu).unwrap(), 0)
                        .unwrap(),
                );
                assert!(error < bound, "{format:?} in {dtype:?}: {error:e}");
            });
        }
    }
}

/// Result, and gradient for a weighted sum as loss.
fn with_gradient(layer: &Linear, x: &Tensor) -> Result<[Tensor; 2]> {
    let x = Var::from_tensor(x)?;
    let y = layer.forward(x.as_tensor())?;
    let weights = noise(5, y.dims()).to_dtype(y.dtype())?;
    let grads = (&y * weights)?.sum_all()?.backward()?;
    Ok([
        y,
        grads
            .get(&x)
            .cloned()
            .ok_or_else(|| candle_core::Error::msg("no gradient"))?,
    ])
}

/// The matrix is unpacked in pieces here (`PIECE` in `linear/frozen.rs`), the last of which is smaller.
#[test]
fn a_packed_layer_is_the_dense_layer_of_its_numbers_forward_and_backward() -> Result<()> {
    for format in FORMATS {
        for (dtype, bound) in [(DType::F64, 1e-13), (DType::F32, 1e-6), (DType::BF16, 1e-2)] {
            for bias in [None, Some(noise(3, &[2048]).to_dtype(dtype)?)] {
                let (packed, dense) = packed(format, (2048, 40), dtype);
                let layers = [packed.into(), Weight::Dense(dense.to_dtype(dtype)?)]
                    .map(|weight| Linear::frozen(weight, bias.clone()));
                let x = noise(1, &[2, 3, 40]).to_dtype(dtype)?;
                let [got, want] = layers.map(|layer| with_gradient(&layer, &x).map(|both| (layer, both)));
                let ((layer, got), (of_dense, want)) = (got?, want?);
                for (got, want) in got.iter().zip(&want) {
                    let error = off(got, want);
                    assert!(error < bound, "{format:?} in {dtype:?}: {error:e}");
                }
                let residual = noise(2, &[2, 3, 2048]).to_dtype(dtype)?;
                let (got, want) = (
                    layer.forward_onto(&x, &residual)?,
                    of_dense.forward_onto(&x, &residual)?,
                );
                assert!(off(&got, &want) < bound, "{format:?} in {dtype:?}");
            }
        }
    }
    Ok(())
}

#[test]
fn a_packed_layer_on_the_kernels_is_the_dense_layer_in_a_graph_and_outside() -> Result<()> {
    for format in &FORMATS[2..] {
        for (dtype, bound) in [(DType::F32, 1e-6), (DType::BF16, 1e-2)] {
            let (packed, dense) = packed(*format, (64, 40), dtype);
            let bias = noise(3, &[64]).to_dtype(dtype)?;
            let [layer, of_dense] = [packed.into(), Weight::Dense(dense.to_dtype(dtype)?)]
                .map(|weight| Linear::frozen(weight, Some(bias.clone())));
            let x = noise(1, &[6, 40]).to_dtype(dtype)?;
            let want = with_gradient(&of_dense, &x)?;
            let (got, outside) =
                emulated(|| Ok::<_, candle_core::Error>((with_gradient(&layer, &x)?, layer.forward(&x)?)))?;
            for (got, want) in got.iter().chain([&outside]).zip(want.iter().chain([&want[0]])) {
                assert!(off(got, want) < bound, "{format:?} in {dtype:?}");
            }
        }
    }
    Ok(())
}
