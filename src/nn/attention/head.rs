//! One head of attention on the CPU, forward and backward, a block of queries at a time.
//!
//! A block's scores stay in the core's own cache. Keys that no query of a block sees (under a causal mask about half of
//! them) are left out of its products.

use super::mask::Mask;
use crate::nn::cpu::{Buffer, Matrix, Real, Threads, dot, matrix_product, max, sum, vectorised};
use crate::nn::interrupt::Interrupt;

/// Queries per block.
const BLOCK: usize = 64;

/// The operands of one query head.
#[derive(Clone, Copy)]
pub struct Head<'a, T> {
    /// `[queries, width]`
    pub q: Matrix<'a, T>,
    /// `[keys, width]`
    pub k: Matrix<'a, T>,
    /// `[keys, width]`
    pub v: Matrix<'a, T>,
    pub mask: &'a Mask,
    /// Index of this head's sequence in the batch, which selects the mask's row.
    pub row: usize,
    /// When it is set, forward returns early, because a head with thousands of queries takes seconds.
    pub interrupt: Option<&'a Interrupt>,
}

/// A head's forward results, which its backward needs.
#[derive(Clone, Copy)]
pub struct ForwardResults<'a, T> {
    /// `[queries, width]`
    pub out: Matrix<'a, T>,
    /// `[queries]`: the logarithm of each softmax's denominator.
    pub log_sums: &'a [T],
}

impl<T: Real> Head<'_, T> {
    fn scale(&self) -> T {
        T::of(1.0 / (self.q.columns as f64).sqrt())
    }

    /// The end of the range of keys that any query of the block may see.
    fn seen_by(&self, from: usize, count: usize) -> usize {
        if !self.mask.causal {
            return self.k.rows;
        }
        let ends = (from..from + count).map(|query| self.mask.position(self.row, query, self.q.rows) + 1);
        ends.max().unwrap_or(0)
    }

    /// Scaled scores `[count, keys]` of a block. Hidden keys get [`HIDDEN`].
    fn scores(&self, scores: &mut [T], from: usize, count: usize, keys: usize) {
        let how = (false, self.scale(), Threads::One);
        let (q, k) = (self.q.rows_from(from, count), self.k.rows_from(0, keys));
        matrix_product(scores, keys, how, (q, false), (k, true));
        let segments = &self.mask.segments[self.row][..keys];
        let shared = segments
            .iter()
            .position(|&segment| segment != Mask::SHARED)
            .unwrap_or(keys);
        for (query, scores) in scores.chunks_mut(keys).enumerate() {
            let position = self.mask.position(self.row, from + query, self.q.rows);
            let own = self.mask.segments[self.row][position];
            let visible = if self.mask.causal { position + 1 } else { keys };
            scores[visible..].fill(T::of(HIDDEN));
            if shared < visible {
                for (score, &segment) in scores[shared..visible].iter_mut().zip(&segments[shared..]) {
                    let seen = (segment == Mask::SHARED) | (segment == own);
                    *score = if seen { *score } else { T::of(HIDDEN) };
                }
            }
        }
    }

    /// Writes `out` `[queries, width]` and `log_sums` `[queries]`.
    pub fn forward(&self, out: &mut [T], log_sums: &mut [T]) {
        let (queries, width) = (self.q.rows, self.q.columns);
        let mut block = Buffer::of(BLOCK.min(queries) * self.k.rows);
        for from in (0..queries).step_by(BLOCK) {
            if self.interrupt.is_some_and(Interrupt::is_set) {
                return;
            }
            let count = BLOCK.min(queries - from);
            let keys = self.seen_by(from, count);
            let scores = &mut block[..count * keys];
            self.scores(scores, from, count, keys);
            let mut inverse = [T::of(0.0); BLOCK];
            for (query, scores) in scores.chunks_mut(keys).enumerate() {
                let (largest, total) = vectorised(|| {
                    let largest = max(scores, T::of(HIDDEN));
                    for score in scores.iter_mut() {
                        *score = (*score - largest).exp();
                    }
                    (largest, sum(scores))
                });
                inverse[query] = T::of(1.0) / total;
                log_sums[from + query] = largest + T::of(total.to_f64().ln());
            }
            let out = &mut out[from * width..][..count * width];
            let how = (false, T::of(1.0), Threads::One);
            let weights = (Matrix::contiguous(scores, count, keys), false);
            matrix_product(out, width, how, weights, (self.v.rows_from(0, keys), false));
            for (out, &inverse) in out.chunks_mut(width).zip(&inverse) {
                out.iter_mut().for_each(|out| *out *= inverse);
            }
        }
    }

    /// With `P` the weights and `O` the result: `dV += P^T dO`, `dS = P (dO V^T - rowsum(dO O))`, `dQ = scale dS K`,
    /// `dK += scale dS^T Q`. `grad` is `[queries, width]` as `dq`; `dk` and `dv` are `[keys, width]`.
    pub fn backward(
        &self,
        results: ForwardResults<'_, T>,
        grad: Matrix<'_, T>,
        (dq, dk, dv): (&mut [T], &mut [T], &mut [T]),
    ) {
        let (queries, width, scale) = (self.q.rows, self.q.columns, self.scale());
        let room = BLOCK.min(queries) * self.k.rows;
        let (mut weights, mut d_scores) = (Buffer::of(room), Buffer::of(room));
        let (once, onto) = (
            |scale| (false, scale, Threads::One),
            |scale| (true, scale, Threads::One),
        );
        for from in (0..queries).step_by(BLOCK) {
            let count = BLOCK.min(queries - from);
            let keys = self.seen_by(from, count);
            let (weights, d_scores) = (&mut weights[..count * keys], &mut d_scores[..count * keys]);
            self.scores(weights, from, count, keys);
            vectorised(|| {
                for (weights, &log_sum) in weights.chunks_mut(keys).zip(&results.log_sums[from..]) {
                    for weight in weights {
                        *weight = (*weight - log_sum).exp();
                    }
                }
            });
            let block = |data| Matrix::contiguous(data, count, keys);
            let (grad, out) = (grad.rows_from(from, count), results.out.rows_from(from, count));
            let one = T::of(1.0);
            matrix_product(dv, width, onto(one), (block(weights), true), (grad, false));
            let values = (self.v.rows_from(0, keys), true);
            matrix_product(d_scores, keys, once(one), (grad, false), values);
            vectorised(|| {
                for (query, (d, p)) in d_scores.chunks_mut(keys).zip(weights.chunks(keys)).enumerate() {
                    let mean = dot(grad.row(query), out.row(query));
                    for (d, &p) in d.iter_mut().zip(p) {
                        *d = p * (*d - mean);
                    }
                }
            });
            let dq = &mut dq[from * width..][..count * width];
            let k = (self.k.rows_from(0, keys), false);
            matrix_product(dq, width, once(scale), (block(d_scores), false), k);
            let q = (self.q.rows_from(from, count), false);
            matrix_product(dk, width, onto(scale), (block(d_scores), true), q);
        }
    }
}

/// The score of a hidden key: so low that its weight is 0 next to any visible key.
const HIDDEN: f64 = -1e30;
