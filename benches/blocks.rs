//! The blocks of `nn` on the CPU, forward only and with the input's gradient, at the sizes that one sample of stage 2
//! has in a small Qwen2-VL (f32): a language model of width 256, a vision tower of width 128.

use std::hint::black_box;
use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor, Var};
use criterion::{Criterion, criterion_group, criterion_main};
use masp::nn::{
    DecoderLayer, Interrupt, LayerNorm, Linear, Mask, RmsNorm, Rotary, activation, attention,
    decoder_layer::BatchContext, layer_checkpoint, loss,
};

/// Text, soft prompt twice, 30 aspect tokens and 64 vision tokens.
const TOKENS: usize = 240;
const HIDDEN: usize = 256;
const WIDE: usize = 704;
const HEADS: (usize, usize) = (8, 2);
const HEAD_DIM: usize = 32;
const VOCABULARY: usize = 4096;
/// An image of 224 x 224 pixels.
const PATCHES: usize = 256;
const VISION: usize = 128;
const VISION_HEADS: usize = 4;
/// Supervised tokens.
const ANSWER: usize = 4;

/// Deterministic values in [-1, 1].
fn noise(shape: &[usize]) -> Tensor {
    let n: usize = shape.iter().product();
    let values: Vec<f32> = (0..n).map(|i| (i as f32 * 12.9898).sin()).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// Times `block` on inputs of these shapes; the gradient is that of all inputs.
fn time(criterion: &mut Criterion, name: &str, shapes: &[&[usize]], block: impl Fn(&[Tensor]) -> Result<Tensor>) {
    let inputs: Vec<Tensor> = shapes.iter().map(|shape| noise(shape)).collect();
    let trained: Vec<Tensor> = inputs
        .iter()
        .map(|input| Var::from_tensor(input).unwrap().into_inner())
        .collect();
    let weights = noise(block(&inputs).unwrap().dims());
    let mut group = criterion.benchmark_group(name);
    group.bench_function("forward", |bencher| bencher.iter(|| block(black_box(&inputs)).unwrap()));
    group.bench_function("forward and backward", |bencher| {
        bencher.iter(|| {
            let y = block(black_box(&trained)).unwrap();
            (y * &weights).unwrap().sum_all().unwrap().backward().unwrap()
        });
    });
    group.finish();
}

fn linear(criterion: &mut Criterion) {
    for (rows, input, output, bias) in [
        (TOKENS, HIDDEN, HIDDEN, true),
        (TOKENS, HIDDEN, WIDE, false),
        (TOKENS, WIDE, HIDDEN, false),
        (ANSWER, HIDDEN, VOCABULARY, false),
        (PATCHES, VISION, 4 * VISION, true),
    ] {
        let layer = Linear::frozen(noise(&[output, input]), bias.then(|| noise(&[output])));
        let name = format!("linear, {rows} rows of {input} to {output}");
        time(criterion, &name, &[&[rows, input]], |x| layer.forward(&x[0]));
    }
}

fn norms(criterion: &mut Criterion) {
    let rms = RmsNorm::new(noise(&[HIDDEN]), 1e-6, false);
    time(criterion, "rms norm", &[&[1, TOKENS, HIDDEN]], |x| rms.forward(&x[0]));
    let layer = LayerNorm::new(noise(&[VISION]), noise(&[VISION]), 1e-6, false);
    time(criterion, "layer norm", &[&[1, PATCHES, VISION]], |x| {
        layer.forward(&x[0])
    });
}

fn rope(criterion: &mut Criterion) {
    let angles: Vec<f64> = (0..TOKENS * HEAD_DIM / 2).map(|i| i as f64 * 0.7).collect();
    let shape = (1, TOKENS, HEAD_DIM / 2);
    let rotary = Rotary::new(&angles, shape, DType::F32, &Device::Cpu).unwrap();
    time(criterion, "rotary", &[&[1, TOKENS, HEADS.0, HEAD_DIM]], |x| {
        rotary.apply(&x[0])
    });
    criterion.bench_function("rotary's tables", |bencher| {
        bencher.iter(|| Rotary::new(black_box(&angles), shape, DType::F32, &Device::Cpu).unwrap());
    });
}

fn attentions(criterion: &mut Criterion) {
    let (q, k) = ([1, TOKENS, HEADS.0, HEAD_DIM], [1, TOKENS, HEADS.1, HEAD_DIM]);
    let causal = Mask::full(1, TOKENS, true);
    time(criterion, "attention, causal", &[&q, &k, &k], |x| {
        attention(&x[0], &x[1], &x[2], &causal)
    });
    let image = [1, PATCHES, VISION_HEADS, VISION / VISION_HEADS];
    let full = Mask::full(1, PATCHES, false);
    time(criterion, "attention, of an image", &[&image, &image, &image], |x| {
        attention(&x[0], &x[1], &x[2], &full)
    });
}

fn activations(criterion: &mut Criterion) {
    let wide = [1, TOKENS, WIDE];
    time(criterion, "swiglu", &[&wide, &wide], |x| {
        activation::swiglu(&x[0], &x[1])
    });
    time(criterion, "quick gelu", &[&[1, PATCHES, 4 * VISION]], |x| {
        activation::quick_gelu(&x[0])
    });
}

fn losses(criterion: &mut Criterion) {
    let targets = Tensor::arange(0, ANSWER as u32, &Device::Cpu).unwrap();
    time(criterion, "cross-entropy", &[&[ANSWER, VOCABULARY]], |x| {
        loss::cross_entropy_sum(&x[0], &targets)
    });
}

/// The cost of gradient checkpointing: the layer runs once more in backward.
fn checkpointing(criterion: &mut Criterion) {
    let layer = Linear::frozen(noise(&[HIDDEN, HIDDEN]), None);
    let layer = Arc::new(move |x: &Tensor| layer.forward(x));
    time(criterion, "linear, checkpointed", &[&[TOKENS, HIDDEN]], |x| {
        layer_checkpoint::checkpointed(&x[0], layer.clone())
    });
}

/// A frozen layer, fused on the CPU, in batches of one and of eight samples; with `recompute` it keeps only its input.
fn decoder_layer(criterion: &mut Criterion) {
    let frozen =
        |rows: usize, columns: usize, bias: bool| Linear::frozen(noise(&[rows, columns]), bias.then(|| noise(&[rows])));
    let narrow = HEADS.1 * HEAD_DIM;
    let layer = DecoderLayer {
        input_norm: RmsNorm::new(noise(&[HIDDEN]), 1e-6, false),
        attention_norm: RmsNorm::new(noise(&[HIDDEN]), 1e-6, false),
        q: frozen(HIDDEN, HIDDEN, true),
        k: frozen(narrow, HIDDEN, true),
        v: frozen(narrow, HIDDEN, true),
        head_norms: None,
        o: frozen(HIDDEN, HIDDEN, false),
        gate: frozen(WIDE, HIDDEN, false),
        up: frozen(WIDE, HIDDEN, false),
        down: frozen(HIDDEN, WIDE, false),
        heads: HEADS,
    };
    for batch in [1, 8] {
        let angles: Vec<f64> = (0..batch * TOKENS * HEAD_DIM / 2).map(|i| i as f64 * 0.7).collect();
        let shape = (batch, TOKENS, HEAD_DIM / 2);
        let context = Arc::new(BatchContext {
            rotary: Rotary::new(&angles, shape, DType::F32, &Device::Cpu).unwrap(),
            mask: Mask::full(batch, TOKENS, true),
            interrupt: Interrupt::default(),
            outputs: None,
        });
        for recompute in [false, true] {
            let kept = if recompute { ", recomputed" } else { "" };
            let name = format!("decoder layer, batch of {batch}{kept}");
            time(criterion, &name, &[&[batch, TOKENS, HIDDEN]], |x| {
                layer.forward(&x[0], &context, None, recompute)
            });
        }
    }
}

criterion_group!(
    blocks,
    linear,
    norms,
    rope,
    attentions,
    activations,
    losses,
    checkpointing,
    decoder_layer
);
criterion_main!(blocks);
