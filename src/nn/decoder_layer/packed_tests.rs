//! A layer of packed weights against the same layer of the numbers that they stand for.

use std::sync::Arc;

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{DType, Device, Result, Tensor, Var};

use super::tests::{layer_of, whole_context, with_linears};
use super::{BatchContext, DecoderLayer};
use crate::nn::cuda::emulated;
use crate::nn::tests::noise;
use crate::nn::weight::{Format, Packed};
use crate::nn::{Linear, Mask, Weight};

const HIDDEN: usize = 32;

/// The layer with all matrices packed, and with the numbers that these stand for.
fn pair(format: (Format, GgmlDType), dtype: DType) -> [DecoderLayer; 2] {
    let layer = layer_of(dtype, HIDDEN, 48, (4, 2));
    [true, false].map(|is_packed| {
        let of = |linear: &Linear| {
            let numbers = linear.weight().numbers().unwrap();
            let dims = numbers.dims2().unwrap();
            let numbers = numbers.flatten_all().unwrap().to_dtype(DType::F32).unwrap();
            let blocks = QTensor::quantize(&numbers, format.1).unwrap();
            let weight = if is_packed {
                let bytes = blocks.data().unwrap().to_vec();
                Weight::from(Packed::new(format.0, bytes, dims, (dtype, &Device::Cpu)).unwrap())
            } else {
                let numbers = blocks.dequantize(&Device::Cpu).unwrap().reshape(dims).unwrap();
                Weight::from(numbers.to_dtype(dtype).unwrap())
            };
            Linear::frozen(weight, linear.bias().cloned())
        };
        with_linears(&layer, of)
    })
}

fn with_gradient(layer: &DecoderLayer, context: &Arc<BatchContext>, recompute: bool) -> Result<[Vec<f64>; 2]> {
    let x = noise(1, &[2, 5, HIDDEN]).to_dtype(layer.q.weight().dtype())?;
    let x = Var::from_tensor(&x)?;
    let y = layer.forward(x.as_tensor(), context, None, recompute)?;
    let weights = noise(6, y.dims()).to_dtype(y.dtype())?;
    let grads = (&y * weights)?.sum_all()?.backward()?;
    let numbers = |x: &Tensor| x.to_dtype(DType::F64)?.flatten_all()?.to_vec1();
    let grad = grads.get(&x).ok_or_else(|| candle_core::Error::msg("no gradient"))?;
    Ok([numbers(&y)?, numbers(grad)?])
}

const FORMATS: [(Format, GgmlDType); 2] = [(Format::Q8_0, GgmlDType::Q8_0), (Format::Q4K, GgmlDType::Q4K)];

/// So the gradients are exact for what forward computed.
#[test]
fn a_packed_layer_is_equal_to_the_bit_on_the_cpu() -> Result<()> {
    for format in FORMATS {
        for dtype in [DType::F32, DType::F64] {
            let [packed, dense] = pair(format, dtype);
            let context = whole_context(dtype, HIDDEN / 4, Mask::full(2, 5, true));
            for recompute in [false, true] {
                let [got, want] = [&packed, &dense].map(|layer| with_gradient(layer, &context, recompute));
                assert_eq!(got?, want?, "{format:?} in {dtype:?}");
            }
        }
    }
    Ok(())
}

#[test]
fn a_packed_layer_on_the_kernels_is_off_by_rounding_alone() -> Result<()> {
    for format in FORMATS {
        for (dtype, bound) in [(DType::F32, 1e-5), (DType::BF16, 1e-2)] {
            let [packed, dense] = pair(format, dtype);
            let context = whole_context(dtype, HIDDEN / 4, Mask::full(2, 5, true));
            for recompute in [false, true] {
                let [got, want] = [&packed, &dense].map(|layer| emulated(|| with_gradient(layer, &context, recompute)));
                for (got, want) in got?.iter().zip(&want?) {
                    let norm = |all: &mut dyn Iterator<Item = f64>| all.map(|x| x * x).sum::<f64>().sqrt();
                    let off = norm(&mut got.iter().zip(want).map(|(a, b)| a - b)) / norm(&mut want.iter().copied());
                    assert!(off < bound, "{format:?} in {dtype:?}: {off:e}");
                }
            }
        }
    }
    Ok(())
}
