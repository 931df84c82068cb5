//! The layer by the CUDA kernels, emulated, against the plain layer in f64.

use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::kv_cache::KvCache;

use super::tests::{context_in as context, layers, width, with_linears};
use super::{DecoderLayer, Past, with_past};
use crate::nn::cuda::emulated;
use crate::nn::tests::{masks, noise};
use crate::nn::{Linear, Mask, RmsNorm};

/// The layer in another number format.
fn cast(layer: &DecoderLayer, dtype: DType) -> DecoderLayer {
    let tensor = |x: &Tensor| x.to_dtype(dtype).unwrap();
    let linear =
        |linear: &Linear| Linear::frozen(tensor(&linear.weight().numbers().unwrap()), linear.bias().map(tensor));
    let norm = |norm: &RmsNorm| RmsNorm::new(tensor(norm.weight()), norm.eps(), false);
    DecoderLayer {
        input_norm: norm(&layer.input_norm),
        attention_norm: norm(&layer.attention_norm),
        head_norms: layer.head_norms.as_ref().map(|norms| super::HeadNorms {
            q: norm(&norms.q),
            k: norm(&norms.k),
        }),
        ..with_linears(layer, linear)
    }
}

/// Result and gradient for a weighted sum as loss, in f64.
fn with_gradient(x: &Tensor, f: impl Fn(&Tensor) -> Result<Tensor>) -> [Tensor; 2] {
    let x = Var::from_tensor(x).unwrap();
    let y = f(x.as_tensor()).unwrap();
    let weights = noise(6, y.dims()).to_dtype(y.dtype()).unwrap();
    let grads = (&y * weights).unwrap().sum_all().unwrap().backward().unwrap();
    [y, grads.get(&x).unwrap().clone()].map(|x| x.to_dtype(DType::F64).unwrap())
}

fn off(got: &Tensor, want: &Tensor) -> f64 {
    let norm = |x: &Tensor| x.sqr().unwrap().sum_all().unwrap().to_scalar::<f64>().unwrap().sqrt();
    norm(&(got - want).unwrap()) / norm(want)
}

/// The bounds are those of rounding alone: in bf16, eps is 4e-3, and a layer rounds some ten times.
const BOUNDS: [(DType, f64); 2] = [(DType::F32, 2e-6), (DType::BF16, 2.5e-2)];

#[test]
fn gradients_are_those_of_the_plain_layer_with_every_mask() {
    let outputs = [vec![1, 4], vec![2, 2]];
    for (i, mask) in masks().into_iter().enumerate() {
        for layer in layers() {
            for outputs in [None, Some(&outputs[..])] {
                let x = noise(1, &[2, 5, width(&layer)]);
                for (dtype, bound) in BOUNDS {
                    // Weights and inputs that the format represents.
                    let (layer, x) = (cast(&layer, dtype), x.to_dtype(dtype).unwrap());
                    let (exact, exact_x) = (cast(&layer, DType::F64), x.to_dtype(DType::F64).unwrap());
                    let of_f64 = context(DType::F64, mask.clone(), outputs);
                    let want = with_gradient(&exact_x, |x| exact.by_operations(x, &of_f64));
                    let context = context(dtype, mask.clone(), outputs);
                    let [kept, recomputed] = [false, true].map(|recompute| {
                        emulated(|| with_gradient(&x, |x| layer.forward(x, &context, None, recompute)))
                    });
                    for (got, want) in kept.iter().zip(&want) {
                        let off = off(got, want);
                        assert!(off < bound, "{dtype:?}, mask {i}, {outputs:?}: {off}");
                    }
                    for (kept, recomputed) in kept.iter().zip(&recomputed) {
                        assert_eq!(off(recomputed, kept), 0.0);
                    }
                }
            }
        }
    }
}

#[test]
fn what_stands_before_is_seen_and_gets_no_gradient() {
    for layer in layers() {
        let (k, v) = (noise(11, &[1, 2, 2, 2]), noise(12, &[1, 2, 2, 2]));
        let x = noise(13, &[2, 5, width(&layer)]);
        let hidden = Mask::PADDING;
        let mask = Mask::new(true, vec![vec![0; 7], vec![0, 0, 0, 0, 0, 0, hidden]]);
        let alone = context(DType::F64, Mask::full(2, 5, true), None);
        let behind = |dtype| {
            std::sync::Arc::new(super::BatchContext {
                mask: mask.clone(),
                ..(*context(dtype, Mask::full(2, 5, true), None)).clone()
            })
        };
        assert_eq!(alone.mask.keys(), 5);
        let past = |dtype| Past {
            k: k.to_dtype(dtype).unwrap(),
            v: v.to_dtype(dtype).unwrap(),
        };
        let (exact, f64_past) = (behind(DType::F64), past(DType::F64));
        let want = with_gradient(&x, |x| layer.plain(x, &exact, |k, v| with_past(Some(&f64_past), k, v)));
        let (layer, context, past) = (cast(&layer, DType::F32), behind(DType::F32), past(DType::F32));
        let x = x.to_dtype(DType::F32).unwrap();
        for recompute in [false, true] {
            let got = emulated(|| with_gradient(&x, |x| layer.forward(x, &context, Some(&past), recompute)));
            for (got, want) in got.iter().zip(&want) {
                assert!(off(got, want) < 2e-6, "{}", off(got, want));
            }
        }
    }
}

#[test]
fn a_cache_gives_what_the_whole_sequence_gives() {
    for layer in layers() {
        let x = noise(3, &[2, 5, width(&layer)]);
        let whole = layer
            .by_operations(&x, &context(DType::F64, Mask::full(2, 5, true), None))
            .unwrap();
        let (layer, x) = (cast(&layer, DType::F32), x.to_dtype(DType::F32).unwrap());
        let steps = emulated(|| {
            assert_eq!(layer.cached_dimension(x.device(), x.dtype()), 2);
            let mut cache = KvCache::new(2, 5);
            let mut step = |from: usize, count: usize| {
                let all = context(DType::F32, Mask::full(2, from + count, true), None);
                let positions = vec![(from..from + count).collect(); 2];
                let context = super::BatchContext {
                    rotary: super::tests::rotary_of(DType::F32, 2, &positions),
                    ..(*all).clone()
                };
                layer
                    .forward_cached(&x.narrow(1, from, count).unwrap(), &context, &mut cache)
                    .unwrap()
            };
            [step(0, 3), step(3, 1), step(4, 1)]
        });
        let steps = Tensor::cat(&steps, 1).unwrap().to_dtype(DType::F64).unwrap();
        assert!(off(&steps, &whole) < 2e-6, "{}", off(&steps, &whole));
    }
}

#[test]
fn a_cache_may_begin_with_what_precedes_each_sequence() {
    for layer in layers() {
        let x = noise(3, &[2, 5, width(&layer)]);
        let past = Past {
            k: noise(11, &[1, 2, 2, 2]),
            v: noise(12, &[1, 2, 2, 2]),
        };
        let own = context(DType::F64, Mask::full(2, 5, true), None);
        let behind = |context: &super::BatchContext| super::BatchContext {
            mask: Mask::full(2, 7, true),
            ..context.clone()
        };
        let want = layer
            .plain(&x, &behind(&own), |k, v| with_past(Some(&past), k, v))
            .unwrap();
        let single = |x: &Tensor| x.to_dtype(DType::F32).unwrap();
        let past = Past {
            k: single(&past.k),
            v: single(&past.v),
        };
        let (layer, own) = (
            cast(&layer, DType::F32),
            context(DType::F32, Mask::full(2, 5, true), None),
        );
        let mut cache = KvCache::new(2, 7);
        let got = emulated(|| layer.forward_cached_behind(&single(&x), &behind(&own), Some(&past), &mut cache));
        let got = got.unwrap().to_dtype(DType::F64).unwrap();
        assert!(off(&got, &want) < 2e-6, "{}", off(&got, &want));
        assert_eq!(cache.current_seq_len(), 7);
    }
}

#[test]
fn a_mask_of_another_batch_is_refused() {
    let layer = cast(&layers()[0], DType::F32);
    let context = context(DType::F32, Mask::full(1, 4, true), None);
    let zeros = |batch, tokens| Tensor::zeros((batch, tokens, width(&layer)), DType::F32, &Device::Cpu).unwrap();
    emulated(|| {
        assert!(layer.forward(&zeros(1, 5), &context, None, false).is_err());
        assert!(layer.forward(&zeros(2, 4), &context, None, false).is_err());
    });
}
