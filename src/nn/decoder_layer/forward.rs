//! The fused layer's forward. A task takes some rows through all row-wise operations, so that values between two matrix
//! products never leave the core's cache. Attention runs between them, one task per head.

use rayon::prelude::*;

use super::tasks::rows_of_a_task;
use super::weights::{Dense, Norm, Weights, Widths};
use crate::nn::activation::gated;
use crate::nn::attention::heads::{Heads, HeadsMajor, Sizes};
use crate::nn::cpu::{Buffer, Real};
use crate::nn::norm::rms_rows;
use crate::nn::rope::rotate_rows;
use crate::nn::{Interrupt, Mask};

/// The input of the layer and the positions of its rows.
pub struct Input<'a, T> {
    /// `[batch * tokens, hidden]`
    pub x: &'a [T],
    /// `[batch * tokens, head / 2]`: cosines and sines.
    pub angles: (&'a [T], &'a [T]),
    pub batch: usize,
    /// The output rows: those whose result is computed; `None`: all of them.
    pub outputs: Option<OutputRows<'a, T>>,
    /// The mask, with the output positions as queries.
    pub mask: &'a Mask,
    /// Tasks that start after it is set do nothing.
    pub interrupt: &'a Interrupt,
}

/// The output rows, if not all are.
pub struct OutputRows<'a, T> {
    /// `[outputs]`: indices into the input's rows.
    pub index: Vec<u32>,
    /// `[outputs, hidden]`
    pub x: Vec<T>,
    /// `[outputs, head / 2]`
    pub angles: (&'a [T], &'a [T]),
}

impl<'a, T: Real> Input<'a, T> {
    /// The output rows `[outputs, hidden]` and their angles.
    pub fn output_rows(&self) -> (&[T], (&'a [T], &'a [T])) {
        match &self.outputs {
            Some(outputs) => (&outputs.x, outputs.angles),
            None => (self.x, self.angles),
        }
    }
}

/// The values that backward needs, besides the input.
pub struct Activations<T: Real> {
    /// `[outputs, q]`, rotated.
    pub q: Buffer<T>,
    /// `[batch * keys, kv]`, rotated: first the keys before the input, then the input's.
    pub k: Buffer<T>,
    /// `[batch * keys, kv]`
    pub v: Buffer<T>,
    /// `[batch, heads, outputs of a sequence, head]`
    pub attended: Buffer<T>,
    /// `[batch, heads, outputs of a sequence]`
    pub log_sums: Buffer<T>,
    /// The input's queries `[outputs, q]` and keys `[batch * tokens, kv]` before the heads' norms, if the layer has such
    /// norms.
    pub raw: Option<(Buffer<T>, Buffer<T>)>,
    /// The values of the second half that backward needs, if they are kept.
    pub half: Option<Half<T>>,
}

/// Values of the layer's second half (the feed-forward network).
pub struct Half<T: Real> {
    /// `[outputs, hidden]`: the input plus the attention's output.
    pub middle: Buffer<T>,
    /// `[outputs, wide]`
    pub gate: Buffer<T>,
    /// `[outputs, wide]`
    pub up: Buffer<T>,
}

/// Keys and values, `[rows, kv]` each, and the input's own keys before their heads' norm, if the layer has one.
pub struct Keys<T: Real> {
    pub k: Buffer<T>,
    pub v: Buffer<T>,
    pub raw: Option<Buffer<T>>,
}

/// The input's own keys (rotated) and values.
pub fn keys_and_values<T: Real>(w: &Weights<'_, T>, input: &Input<'_, T>) -> Keys<T> {
    let (k, raw) = projected(w, (&w.k, w.k_norm), input.x, Some(input.angles));
    let (v, _) = projected(w, (&w.v, None), input.x, None);
    Keys { k, v, raw }
}

/// `[batch * (past + tokens), kv]`: `past` `[past, kv]` prepended to each sequence of `own` `[batch * tokens, kv]`.
pub fn behind<T: Real>(past: &[T], own: Buffer<T>, batch: usize) -> Buffer<T> {
    if past.is_empty() {
        return own;
    }
    let sequence = own.len() / batch;
    let mut all = Buffer::of(own.len() + batch * past.len());
    for (all, own) in all.chunks_mut(past.len() + sequence).zip(own.chunks(sequence)) {
        let (before, after) = all.split_at_mut(past.len());
        before.copy_from_slice(past);
        after.copy_from_slice(own);
    }
    all
}

/// The layer's result `[outputs, hidden]`, given all keys and values. With `keep` it also returns what backward needs.
pub fn forward<T: Real>(
    w: &Weights<'_, T>,
    input: &Input<'_, T>,
    Keys { k, v, raw }: Keys<T>,
    keep: bool,
) -> (Vec<T>, Activations<T>) {
    let (x, angles) = input.output_rows();
    let (q, raw_q) = projected(w, (&w.q, w.q_norm), x, Some(angles));
    let rows = x.len() / w.widths.hidden;
    let mut attended = Buffer::of(q.len());
    let mut log_sums = Buffer::of(rows * w.widths.heads);
    let queries = rows / input.batch;
    heads_of(w.widths, (&q, &k, &v), input).forward(&mut attended, &mut log_sums);
    let (y, half) = second_half(w, x, (&attended, queries), keep, input.interrupt);
    let kept = Activations {
        q,
        k,
        v,
        attended,
        log_sums,
        raw: raw_q.zip(raw),
        half,
    };
    (y, kept)
}

/// The heads of the layer's attention; `q`, `k` and `v` have the shapes of those in [`Activations`].
pub fn heads_of<'a, T: Real>(
    widths: Widths,
    (q, k, v): (&'a [T], &'a [T], &'a [T]),
    input: &Input<'a, T>,
) -> Heads<'a, T> {
    Heads {
        sizes: Sizes {
            batch: input.batch,
            queries: q.len() / (widths.q() * input.batch),
            keys: k.len() / (widths.kv() * input.batch),
            heads: widths.heads,
            kv_heads: widths.kv_heads,
            width: widths.head,
        },
        q,
        k,
        v,
        mask: input.mask,
        interrupt: Some(input.interrupt),
    }
}

/// `norm(x) W^T + b`, with a norm over each head and a rotation if given. Also returns the values before the heads'
/// norm.
fn projected<T: Real>(
    w: &Weights<'_, T>,
    (dense, norm): (&Dense<'_, T>, Option<Norm<'_, T>>),
    x: &[T],
    angles: Option<(&[T], &[T])>,
) -> (Buffer<T>, Option<Buffer<T>>) {
    let Widths { hidden, head, .. } = w.widths;
    let (rows, out) = (x.len() / hidden, dense.width());
    let task = rows_of_a_task(rows, &w.widths);
    let mut y = Buffer::of(rows * out);
    let mut raw = norm.map(|_| Buffer::of(rows * out));
    let raws: Vec<Option<&mut [T]>> = match &mut raw {
        Some(raw) => raw.chunks_mut((task * out).max(1)).map(Some).collect(),
        None => std::iter::repeat_with(|| None).take(rows.div_ceil(task)).collect(),
    };
    y.par_chunks_mut(task * out)
        .zip(x.par_chunks(task * hidden))
        .zip(raws)
        .enumerate()
        .for_each(|(n, ((y, x), raw))| {
            let mut normed = Buffer::of(x.len());
            rms_rows(x, w.input_norm, &mut normed);
            match (raw, norm) {
                (Some(raw), Some(norm)) => {
                    dense.forward(&normed, raw);
                    rms_rows(raw, norm, y);
                }
                _ => dense.forward(&normed, y),
            }
            if let Some((cos, sin)) = angles {
                let from = n * task * head / 2;
                rotate_rows(y, (out, head), (&cos[from..], &sin[from..]), T::of(1.0));
            }
        });
    (y, raw)
}

/// Computes the layer's result from the attention's output.
fn second_half<T: Real>(
    w: &Weights<'_, T>,
    x: &[T],
    (attended, queries): (&[T], usize),
    keep: bool,
    interrupt: &Interrupt,
) -> (Vec<T>, Option<Half<T>>) {
    let Widths { hidden, wide, .. } = w.widths;
    let rows = x.len() / hidden;
    let task = rows_of_a_task(rows, &w.widths);
    let mut y = vec![T::of(0.0); x.len()];
    let tasks = y
        .par_chunks_mut(task * hidden)
        .zip(x.par_chunks(task * hidden))
        .enumerate();
    let attended = HeadsMajor {
        data: attended,
        skipped: 0,
        tokens: queries,
        heads: w.widths.heads,
        head: w.widths.head,
    };
    let half = |rows: usize| Half {
        middle: Buffer::of(rows * hidden),
        gate: Buffer::of(rows * wide),
        up: Buffer::of(rows * wide),
    };
    if !keep {
        tasks.filter(|_| !interrupt.is_set()).for_each(|(n, (y, x))| {
            let Half { middle, gate, up } = &mut half(x.len() / hidden);
            half_of_rows(w, (x, &attended, n * task), (middle, gate, up), y);
        });
        return (y, None);
    }
    let mut kept = half(rows);
    tasks
        .zip(kept.middle.par_chunks_mut(task * hidden))
        .zip(kept.gate.par_chunks_mut(task * wide))
        .zip(kept.up.par_chunks_mut(task * wide))
        .filter(|_| !interrupt.is_set())
        .for_each(|((((n, (y, x)), middle), gate), up)| {
            half_of_rows(w, (x, &attended, n * task), (middle, gate, up), y);
        });
    (y, Some(kept))
}

/// `middle = x + attended O^T`, `y = middle + (silu(norm(middle) G^T) * (norm(middle) U^T)) D^T`.
fn half_of_rows<T: Real>(
    w: &Weights<'_, T>,
    (x, attended, from): (&[T], &HeadsMajor<'_, T>, usize),
    (middle, gate, up): (&mut [T], &mut [T], &mut [T]),
    y: &mut [T],
) {
    let (mut rows, mut active) = (Buffer::of(x.len()), Buffer::of(gate.len()));
    let mut seen = Buffer::of(x.len() / w.widths.hidden * w.widths.q());
    attended.gather(from, &mut seen);
    middle.copy_from_slice(x);
    w.o.forward_onto(&seen, middle);
    rms_rows(middle, w.attention_norm, &mut rows);
    w.gate.forward(&rows, gate);
    w.up.forward(&rows, up);
    gated(gate, up, &mut active);
    y.copy_from_slice(middle);
    w.down.forward_onto(&active, y);
}
