//! Attention of all heads of a batch on the CPU, forward and backward. Both fused forms, that of [`super::attention`] and
//! the decoder layer's, consist of it.
//!
//! Operands are `[batch, tokens, heads, width]`, as linear layers write them. Results are `[batch, heads, tokens,
//! width]`, so that each task writes one piece of memory; [`HeadsMajor`] brings them back into the operands' order.

use rayon::prelude::*;

use super::head::{ForwardResults, Head};
use super::mask::Mask;
use crate::nn::cpu::{Matrix, Real};
use crate::nn::interrupt::Interrupt;

/// The sizes of one call.
#[derive(Clone, Copy)]
pub struct Sizes {
    pub batch: usize,
    /// Queries of each sequence.
    pub queries: usize,
    /// Keys of each sequence.
    pub keys: usize,
    pub heads: usize,
    /// Heads of keys and values; query head `i` reads head `i / (heads / kv_heads)` of them.
    pub kv_heads: usize,
    /// The width of one head.
    pub width: usize,
}

/// The operands of all heads.
#[derive(Clone, Copy)]
pub struct Heads<'a, T> {
    pub sizes: Sizes,
    /// `[batch, queries, heads, width]`
    pub q: &'a [T],
    /// `[batch, keys, kv_heads, width]`
    pub k: &'a [T],
    /// `[batch, keys, kv_heads, width]`
    pub v: &'a [T],
    pub mask: &'a Mask,
    /// Once it is set, forward returns early with meaningless results.
    pub interrupt: Option<&'a Interrupt>,
}

impl<T: Real> Heads<'_, T> {
    /// Writes the results `[batch, heads, queries, width]` and the logarithms of the softmax's denominators `[batch,
    /// heads, queries]`.
    pub fn forward(&self, out: &mut [T], log_sums: &mut [T]) {
        let Sizes {
            queries, heads, width, ..
        } = self.sizes;
        out.par_chunks_mut((queries * width).max(1))
            .zip(log_sums.par_chunks_mut(queries.max(1)))
            .enumerate()
            .for_each(|(task, (out, log_sums))| self.head(task / heads, task % heads).forward(out, log_sums));
    }

    /// Writes the gradients of `q` `[batch, heads, queries, width]`, and of `k` and `v` `[batch, kv_heads, keys,
    /// width]`. `out` and `log_sums` are the results of [`Self::forward`]; `grad` is `[batch, queries, heads, width]`.
    pub fn backward(&self, (out, log_sums): (&[T], &[T]), grad: &[T], (dq, dk, dv): (&mut [T], &mut [T], &mut [T])) {
        let Sizes {
            queries,
            keys,
            heads,
            kv_heads,
            width,
            ..
        } = self.sizes;
        let group = heads / kv_heads;
        // One task for all query heads that read the same keys: they share the keys' gradient.
        dq.par_chunks_mut((group * queries * width).max(1))
            .zip(dk.par_chunks_mut((keys * width).max(1)))
            .zip(dv.par_chunks_mut((keys * width).max(1)))
            .enumerate()
            .for_each(|(task, ((dq, dk), dv))| {
                dk.fill(T::of(0.0));
                dv.fill(T::of(0.0));
                let sequence = task / kv_heads;
                for (n, dq) in dq.chunks_mut(queries * width).enumerate() {
                    let head = (task % kv_heads) * group + n;
                    let at = sequence * heads + head;
                    let results = ForwardResults {
                        out: Matrix::contiguous(&out[at * queries * width..], queries, width),
                        log_sums: &log_sums[at * queries..][..queries],
                    };
                    let grad = self.matrix(grad, (sequence, queries), (heads, head));
                    self.head(sequence, head).backward(results, grad, (dq, dk, dv));
                }
            });
    }

    /// Query head `head` of sequence `sequence`.
    fn head(&self, sequence: usize, head: usize) -> Head<'_, T> {
        let Sizes {
            queries,
            keys,
            heads,
            kv_heads,
            ..
        } = self.sizes;
        let kv = head / (heads / kv_heads);
        Head {
            q: self.matrix(self.q, (sequence, queries), (heads, head)),
            k: self.matrix(self.k, (sequence, keys), (kv_heads, kv)),
            v: self.matrix(self.v, (sequence, keys), (kv_heads, kv)),
            mask: self.mask,
            row: sequence,
            interrupt: self.interrupt,
        }
    }

    /// The matrix `[tokens, width]` of one head inside `[batch, tokens, heads, width]`.
    fn matrix<'a>(
        &self,
        data: &'a [T],
        (sequence, tokens): (usize, usize),
        (heads, head): (usize, usize),
    ) -> Matrix<'a, T> {
        let width = self.sizes.width;
        Matrix {
            data: &data[(sequence * tokens * heads + head) * width..],
            rows: tokens,
            columns: width,
            stride: heads * width,
        }
    }
}

/// `[batch, heads, skipped + tokens, head]`, as [`Heads`] writes it.
pub struct HeadsMajor<'a, T> {
    pub data: &'a [T],
    /// Rows to skip at the start of each sequence.
    pub skipped: usize,
    pub tokens: usize,
    pub heads: usize,
    pub head: usize,
}

impl<T: Real> HeadsMajor<'_, T> {
    /// Copies rows `[rows, heads * head]`, starting at row `from`, into `out`.
    pub fn gather(&self, from: usize, out: &mut [T]) {
        for (n, out) in out.chunks_mut(self.heads * self.head).enumerate() {
            let (row, token) = ((from + n) / self.tokens, (from + n) % self.tokens);
            for (head, out) in out.chunks_mut(self.head).enumerate() {
                let of_head = (row * self.heads + head) * (self.skipped + self.tokens);
                let at = (of_head + self.skipped + token) * self.head;
                out.copy_from_slice(&self.data[at..at + self.head]);
            }
        }
    }
}
