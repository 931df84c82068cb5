//! The fused layer against the plain one and against finite differences, in f64.

use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::kv_cache::KvCache;

use super::{BatchContext, DecoderLayer, HeadNorms, Outputs, Past, with_past};
use crate::nn::tests::{check, close, masks, noise};
use crate::nn::{Interrupt, Linear, Mask, RmsNorm, Rotary};

const HIDDEN: usize = 8;
const HEADS: (usize, usize) = (4, 2);
const HEAD: usize = HIDDEN / HEADS.0;
const WIDE: usize = 12;

fn layer() -> DecoderLayer {
    layer_of(DType::F64, HIDDEN, WIDE, HEADS)
}

/// One layer each as in Qwen2, in Mistral (no biases) and in Qwen3 (norms over each head; all heads together are wider
/// than the model).
pub(super) fn layers() -> [DecoderLayer; 3] {
    let bare = |linear: &Linear| Linear::frozen(linear.weight().clone(), None);
    let of = |layer: DecoderLayer| DecoderLayer {
        q: bare(&layer.q),
        k: bare(&layer.k),
        v: bare(&layer.v),
        ..layer
    };
    let narrow = HIDDEN - 2;
    let weight = |seed, out, input| Linear::frozen((noise(seed, &[out, input]) * 0.5).unwrap(), None);
    let normed = DecoderLayer {
        q: weight(22, HEADS.0 * HEAD, narrow),
        k: weight(23, HEADS.1 * HEAD, narrow),
        v: weight(24, HEADS.1 * HEAD, narrow),
        o: weight(25, narrow, HEADS.0 * HEAD),
        head_norms: Some(HeadNorms {
            q: RmsNorm::new(noise(31, &[HEAD]), 1e-6, false),
            k: RmsNorm::new(noise(32, &[HEAD]), 1e-6, false),
        }),
        ..layer_of(DType::F64, narrow, WIDE, (1, 1))
    };
    let normed = DecoderLayer { heads: HEADS, ..normed };
    [layer(), of(layer()), normed]
}

/// The layer with other linear layers.
pub(super) fn with_linears(layer: &DecoderLayer, of: impl Fn(&Linear) -> Linear) -> DecoderLayer {
    DecoderLayer {
        q: of(&layer.q),
        k: of(&layer.k),
        v: of(&layer.v),
        o: of(&layer.o),
        gate: of(&layer.gate),
        up: of(&layer.up),
        down: of(&layer.down),
        ..layer.clone()
    }
}

pub(super) fn width(layer: &DecoderLayer) -> usize {
    layer.o.weight().dims().unwrap().0
}

/// A frozen layer of these sizes.
pub(super) fn layer_of(dtype: DType, hidden: usize, wide: usize, heads: (usize, usize)) -> DecoderLayer {
    let of = |seed, shape: &[usize]| noise(seed, shape).to_dtype(dtype).unwrap();
    let small = |seed, shape: &[usize]| (of(seed, shape) * 0.5).unwrap();
    let linear = |seed, out, input| Linear::frozen(small(seed, &[out, input]), None);
    let biased = |seed, out, input| Linear::frozen(small(seed, &[out, input]), Some(small(seed + 50, &[out])));
    let kv = heads.1 * hidden / heads.0;
    DecoderLayer {
        input_norm: RmsNorm::new(of(20, &[hidden]), 1e-6, false),
        attention_norm: RmsNorm::new(of(21, &[hidden]), 1e-6, false),
        q: biased(22, hidden, hidden),
        k: biased(23, kv, hidden),
        v: biased(24, kv, hidden),
        head_norms: None,
        o: linear(25, hidden, hidden),
        gate: linear(26, wide, hidden),
        up: linear(27, wide, hidden),
        down: linear(28, hidden, wide),
        heads,
    }
}

fn rotary(positions: &[Vec<usize>]) -> Rotary {
    rotary_of(DType::F64, HEAD, positions)
}

pub(super) fn rotary_of(dtype: DType, head: usize, positions: &[Vec<usize>]) -> Rotary {
    let angle = |&place: &usize| (0..head / 2).map(move |i| 0.3 * place as f64 / (i + 1) as f64);
    let angles: Vec<f64> = positions.iter().flatten().flat_map(angle).collect();
    Rotary::new(
        &angles,
        (positions.len(), positions[0].len(), head / 2),
        dtype,
        &Device::Cpu,
    )
    .unwrap()
}

/// All positions of a mask without padding, for heads of this width.
pub(super) fn whole_context(dtype: DType, head: usize, mask: Mask) -> Arc<BatchContext> {
    let (batch, tokens) = (mask.segments().len(), mask.keys());
    Arc::new(BatchContext {
        rotary: rotary_of(dtype, head, &vec![(0..tokens).collect(); batch]),
        mask,
        interrupt: Interrupt::default(),
        outputs: None,
    })
}

fn context(mask: Mask, outputs: Option<&[Vec<usize>]>) -> Arc<BatchContext> {
    context_in(DType::F64, mask, outputs)
}

/// All positions of the mask; `outputs` are the output positions.
pub(super) fn context_in(dtype: DType, mask: Mask, outputs: Option<&[Vec<usize>]>) -> Arc<BatchContext> {
    let (batch, tokens) = (mask.segments().len(), mask.keys());
    let outputs = outputs.map(|outputs| {
        let rows = outputs.iter().enumerate();
        let rows: Vec<u32> = rows
            .flat_map(|(i, row)| row.iter().map(move |&place| (i * tokens + place) as u32))
            .collect();
        Outputs {
            index: Tensor::new(rows, &Device::Cpu).unwrap(),
            per_sequence: outputs[0].len(),
            rotary: rotary_of(dtype, HEAD, outputs),
            mask: mask.at(outputs.to_vec()),
        }
    });
    Arc::new(BatchContext {
        rotary: rotary_of(dtype, HEAD, &vec![(0..tokens).collect(); batch]),
        mask,
        interrupt: Interrupt::default(),
        outputs,
    })
}

/// Keys and values without any before them.
fn alone(k: Tensor, v: Tensor) -> Result<(Tensor, Tensor)> {
    with_past(None, k, v)
}

#[test]
fn gradients_with_every_mask() {
    let outputs = [vec![1, 4], vec![2, 2]];
    for mask in masks() {
        let forms = layers()
            .into_iter()
            .flat_map(|layer| [(layer.clone(), None), (layer, Some(&outputs[..]))]);
        for (layer, outputs) in forms {
            let context = context(mask.clone(), outputs);
            let x = noise(1, &[2, 5, width(&layer)]);
            let plain = layer.plain(&x, &context, alone).unwrap();
            for recompute in [false, true] {
                close(&layer.forward(&x, &context, None, recompute).unwrap(), &plain, 1e-13);
                check("decoder layer", std::slice::from_ref(&x), |x| {
                    layer.forward(&x[0], &context, None, recompute)
                });
            }
        }
    }
}

/// More tokens than an attention block or a task has rows; the second sequence is padded on both sides.
#[test]
fn long_sequences_agree_with_the_plain_layer() {
    const TOKENS: usize = 150;
    let hidden = |place: usize| if (20..130).contains(&place) { 0 } else { Mask::PADDING };
    let mask = Mask::new(true, vec![vec![0; TOKENS], (0..TOKENS).map(hidden).collect()]);
    let outputs = [vec![3, 70, 149], vec![20, 100, 129]];
    let forms = layers()
        .into_iter()
        .flat_map(|layer| [(layer.clone(), None), (layer, Some(&outputs[..]))]);
    for (layer, outputs) in forms {
        let context = context(mask.clone(), outputs);
        let x = Var::from_tensor(&noise(5, &[2, TOKENS, width(&layer)])).unwrap();
        let gradient = |y: Tensor| {
            let weights = noise(6, y.dims());
            let grads = (&y * weights).unwrap().sum_all().unwrap().backward().unwrap();
            (y, grads.get(&x).unwrap().clone())
        };
        let (y, dx) = gradient(layer.plain(&x, &context, alone).unwrap());
        let (fused_y, fused_dx) = gradient(layer.forward(&x, &context, None, false).unwrap());
        close(&fused_y, &y, 1e-12);
        close(&fused_dx, &dx, 1e-12);
        let (recomputed_y, recomputed_dx) = gradient(layer.forward(&x, &context, None, true).unwrap());
        close(&recomputed_y, &fused_y, 0.0);
        close(&recomputed_dx, &fused_dx, 0.0);
    }
}

#[test]
fn backward_may_run_twice() {
    let (layer, context) = (layer(), context(Mask::full(1, 3, true), None));
    let x = Var::from_tensor(&noise(1, &[1, 3, HIDDEN])).unwrap();
    let y = layer.forward(&x, &context, None, false).unwrap().sum_all().unwrap();
    let first = y.backward().unwrap().get(&x).unwrap().clone();
    close(y.backward().unwrap().get(&x).unwrap(), &first, 0.0);
}

#[test]
fn keys_and_values_are_kept_for_the_tokens_that_follow() {
    layers().iter().for_each(keeps_keys_and_values);
}

fn keeps_keys_and_values(layer: &DecoderLayer) {
    let x = noise(3, &[2, 6, width(layer)]);
    let whole = layer
        .forward(&x, &context(Mask::full(2, 6, true), None), None, false)
        .unwrap();
    let mut cache = KvCache::new(1, 6);
    let first = x.narrow(1, 0, 5).unwrap();
    let seen = layer.forward_cached(&first, &context(Mask::full(2, 5, true), None), &mut cache);
    close(&seen.unwrap(), &whole.narrow(1, 0, 5).unwrap(), 1e-13);
    let last = BatchContext {
        rotary: rotary(&vec![vec![5]; 2]),
        mask: Mask::full(2, 6, true),
        interrupt: Interrupt::default(),
        outputs: None,
    };
    let seen = layer.forward_cached(&x.narrow(1, 5, 1).unwrap(), &last, &mut cache);
    close(&seen.unwrap(), &whole.narrow(1, 5, 1).unwrap(), 1e-13);
}

#[test]
fn a_prefix_is_seen_by_each_sequence_and_gets_no_gradient() {
    layers().iter().for_each(sees_what_stands_before);
}

fn sees_what_stands_before(layer: &DecoderLayer) {
    let (k, v) = (noise(11, &[1, 2, HEADS.1, HEAD]), noise(12, &[1, 2, HEADS.1, HEAD]));
    let past = Past { k, v };
    let p = Mask::PADDING;
    let mask = Mask::new(true, vec![vec![0, 0, 0, 0, 0], vec![0, 0, 0, 0, p]]);
    let outputs = Outputs {
        index: Tensor::new(&[1_u32, 3], &Device::Cpu).unwrap(),
        per_sequence: 1,
        rotary: rotary(&[vec![3], vec![2]]),
        mask: mask.at(vec![vec![3], vec![2]]),
    };
    for outputs in [None, Some(outputs)] {
        let context = Arc::new(BatchContext {
            rotary: rotary(&vec![vec![2, 3, 4]; 2]),
            mask: mask.clone(),
            interrupt: Interrupt::default(),
            outputs,
        });
        let x = noise(13, &[2, 3, width(layer)]);
        let plain = layer.plain(&x, &context, |k, v| with_past(Some(&past), k, v)).unwrap();
        for recompute in [false, true] {
            let fused = |x: &Tensor| layer.forward(x, &context, Some(&past), recompute);
            close(&fused(&x).unwrap(), &plain, 1e-13);
            check("decoder layer behind a past", std::slice::from_ref(&x), |x| {
                fused(&x[0])
            });
        }
    }
}

#[test]
fn a_mask_of_another_batch_is_refused() {
    let layer = layer();
    let context = context(Mask::full(1, 4, true), None);
    assert!(
        layer
            .forward(&noise(1, &[1, 5, HIDDEN]), &context, None, false)
            .is_err()
    );
    assert!(
        layer
            .forward(&noise(1, &[2, 4, HIDDEN]), &context, None, false)
            .is_err()
    );
}

#[test]
fn gradients_are_complete_even_if_the_process_is_about_to_exit() {
    let (layer, context) = (layer(), context(Mask::full(1, 70, true), None));
    let x = Var::from_tensor(&noise(1, &[1, 70, HIDDEN])).unwrap();
    let gradient = |ends: bool| {
        let interrupt = Interrupt::default();
        let context = Arc::new(BatchContext {
            interrupt: interrupt.clone(),
            ..(*context).clone()
        });
        let y = layer.forward(&x, &context, None, true).unwrap().sum_all().unwrap();
        interrupt.0.store(ends, std::sync::atomic::Ordering::Relaxed);
        y.backward().unwrap().get(&x).unwrap().clone()
    };
    close(&gradient(true), &gradient(false), 0.0);
}
