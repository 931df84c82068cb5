//! The fused layer's backward: the same three steps as forward, in reverse order.

use rayon::prelude::*;

use super::forward::{Activations, Half, Input, heads_of};
use super::tasks::rows_of_a_task;
use super::weights::{Dense, Norm, Weights, Widths};
use crate::nn::activation::gated_backward;
use crate::nn::attention::heads::HeadsMajor;
use crate::nn::cpu::{Buffer, Real};
use crate::nn::norm::rms_rows_backward;
use crate::nn::rope::rotate_rows;

/// The gradient of the input `[batch * tokens, hidden]`, from the result's gradient `grad` `[outputs, hidden]`.
pub fn backward<T: Real>(
    w: &Weights<'_, T>,
    input: &Input<'_, T>,
    (kept, half): (&Activations<T>, &Half<T>),
    grad: &[T],
) -> Vec<T> {
    let (d_middle, d_attended) = second_half(w, half, grad);
    let (dq, dk, dv) = heads(w, input, kept, &d_attended);
    let Widths {
        hidden,
        head,
        heads,
        kv_heads,
        ..
    } = w.widths;
    let tokens = input.x.len() / (hidden * input.batch);
    let queries = grad.len() / (hidden * input.batch);
    let keys = kept.k.len() / (w.widths.kv() * input.batch);
    let major = |data, (skipped, tokens), heads| HeadsMajor {
        data,
        skipped,
        tokens,
        heads,
        head,
    };
    // The tokens before the input are constant and get no gradient.
    let own = (keys - tokens, tokens);
    let (dq, dk, dv) = (
        major(&dq[..], (0, queries), heads),
        major(&dk[..], own, kv_heads),
        major(&dv[..], own, kv_heads),
    );
    let (output_rows, output_angles) = input.output_rows();
    let raw = kept.raw.as_ref();
    let keys = Projected {
        dense: &w.k,
        grad: &dk,
        angles: Some(input.angles),
        norm: raw.and_then(|(_, k)| Some((&k[..], w.k_norm?))),
    };
    let values = Projected {
        dense: &w.v,
        grad: &dv,
        angles: None,
        norm: None,
    };
    let queries = Projected {
        dense: &w.q,
        grad: &dq,
        angles: Some(output_angles),
        norm: raw.and_then(|(q, _)| Some((&q[..], w.q_norm?))),
    };
    match &input.outputs {
        None => norm_backward(w, input.x, &[keys, values, queries], Some(&d_middle)),
        Some(outputs) => {
            let mut dx = norm_backward(w, input.x, &[keys, values], None);
            let d_outputs = norm_backward(w, output_rows, &[queries], Some(&d_middle));
            for (&row, d_output) in outputs.index.iter().zip(d_outputs.chunks(hidden)) {
                let dx = &mut dx[row as usize * hidden..][..hidden];
                dx.iter_mut().zip(d_output).for_each(|(dx, &d)| *dx += d);
            }
            dx
        }
    }
}

/// The gradients of `middle` `[outputs, hidden]` and of the attention's output `[outputs, q]`.
fn second_half<T: Real>(w: &Weights<'_, T>, half: &Half<T>, grad: &[T]) -> (Buffer<T>, Buffer<T>) {
    let Widths { hidden, wide, .. } = w.widths;
    let (rows, q) = (grad.len() / hidden, w.widths.q());
    let task = rows_of_a_task(rows, &w.widths);
    let (mut d_middle, mut d_attended) = (Buffer::of(grad.len()), Buffer::of(rows * q));
    d_middle
        .par_chunks_mut(task * hidden)
        .zip(d_attended.par_chunks_mut(task * q))
        .zip(grad.par_chunks(task * hidden))
        .zip(half.middle.par_chunks(task * hidden))
        .zip(half.gate.par_chunks(task * wide))
        .zip(half.up.par_chunks(task * wide))
        .for_each(|(((((d_middle, d_attended), grad), middle), gate), up)| {
            let (mut d_gate, mut d_up) = (Buffer::of(gate.len()), Buffer::of(gate.len()));
            let mut d_normed = Buffer::of(grad.len());
            w.down.backward(grad, &mut d_gate, false);
            gated_backward((gate, up), &mut d_gate, &mut d_up);
            w.gate.backward(&d_gate, &mut d_normed, false);
            w.up.backward(&d_up, &mut d_normed, true);
            d_middle.copy_from_slice(grad);
            rms_rows_backward(middle, w.attention_norm, &d_normed, d_middle);
            w.o.backward(d_middle, d_attended, false);
        });
    (d_middle, d_attended)
}

/// The gradients of queries, keys and values: `[batch, heads, tokens, head]`.
fn heads<T: Real>(
    w: &Weights<'_, T>,
    input: &Input<'_, T>,
    kept: &Activations<T>,
    grad: &[T],
) -> (Buffer<T>, Buffer<T>, Buffer<T>) {
    let (mut dq, mut dk, mut dv) = (
        Buffer::of(grad.len()),
        Buffer::of(kept.k.len()),
        Buffer::of(kept.v.len()),
    );
    let of_all = heads_of(w.widths, (&kept.q, &kept.k, &kept.v), input);
    let given = (&kept.attended[..], &kept.log_sums[..]);
    of_all.backward(given, grad, (&mut dq, &mut dk, &mut dv));
    (dq, dk, dv)
}

/// A projection and its result's gradient.
struct Projected<'a, T> {
    dense: &'a Dense<'a, T>,
    grad: &'a HeadsMajor<'a, T>,
    /// The angles by which it was rotated, if it was.
    angles: Option<(&'a [T], &'a [T])>,
    /// Its value before the norm of its heads, and that norm.
    norm: Option<(&'a [T], Norm<'a, T>)>,
}

/// The gradient of `x`: through the first norm, from the gradients of its `projections`, plus the residual's gradient.
fn norm_backward<T: Real>(
    w: &Weights<'_, T>,
    x: &[T],
    projections: &[Projected<'_, T>],
    residual: Option<&[T]>,
) -> Vec<T> {
    let Widths { hidden, head, .. } = w.widths;
    let task = rows_of_a_task(x.len() / hidden, &w.widths);
    let widest = projections.iter().map(|projected| projected.dense.width()).max();
    let widest = widest.unwrap_or(0);
    let mut dx = match residual {
        Some(residual) => residual.to_vec(),
        None => vec![T::of(0.0); x.len()],
    };
    dx.par_chunks_mut(task * hidden)
        .zip(x.par_chunks(task * hidden))
        .enumerate()
        .for_each(|(n, (dx, x))| {
            let (from, rows) = (n * task, x.len() / hidden);
            let (mut d_normed, mut d) = (Buffer::of(x.len()), Buffer::of(rows * widest));
            for (i, projected) in projections.iter().enumerate() {
                let (dense, angles) = (projected.dense, projected.angles);
                let d = &mut d[..rows * dense.width()];
                projected.grad.gather(from, d);
                if let Some((cos, sin)) = angles {
                    let at = from * head / 2;
                    rotate_rows(d, (dense.width(), head), (&cos[at..], &sin[at..]), T::of(-1.0));
                }
                match projected.norm {
                    None => dense.backward(d, &mut d_normed, i > 0),
                    Some((raw, norm)) => {
                        let raw = &raw[from * dense.width()..][..d.len()];
                        let mut d_raw = Buffer::of(d.len());
                        d_raw.fill(T::of(0.0));
                        rms_rows_backward(raw, norm, d, &mut d_raw);
                        dense.backward(&d_raw, &mut d_normed, i > 0);
                    }
                }
            }
            rms_rows_backward(x, w.input_norm, &d_normed, dx);
        });
    dx
}
