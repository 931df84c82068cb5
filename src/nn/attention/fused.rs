//! The fused CPU form: one task per head, nothing kept for backward but the operands.

use candle_core::{CpuStorage, CustomOp3, DType, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::Mask;
use crate::nn::kernel::{Hands, Matrix, Real, dot, matrix_product, max, slice, sum, with_slices};

pub(super) struct Attention {
    pub mask: Mask,
}

/// The sizes of one call.
#[derive(Clone, Copy)]
struct Sizes {
    batch: usize,
    queries: usize,
    keys: usize,
    heads: usize,
    kv_heads: usize,
    width: usize,
}

impl Sizes {
    fn of(q: &Layout, k: &Layout) -> Result<Self> {
        let (batch, queries, heads, width) = q.shape().dims4()?;
        let (_, keys, kv_heads, _) = k.shape().dims4()?;
        Ok(Self {
            batch,
            queries,
            keys,
            heads,
            kv_heads,
            width,
        })
    }

    fn scale(&self) -> f64 {
        1.0 / (self.width as f64).sqrt()
    }

    /// The matrix `[tokens, width]` of one head inside `[batch, tokens, heads, width]`.
    fn head<'a, T>(&self, data: &'a [T], batch: usize, tokens: usize, heads: usize, head: usize) -> Matrix<'a, T> {
        let from = (batch * tokens * heads + head) * self.width;
        Matrix {
            data: &data[from..],
            rows: tokens,
            columns: self.width,
            stride: heads * self.width,
        }
    }
}

/// The operands of one query head.
struct Head<'a, T> {
    q: Matrix<'a, T>,
    k: Matrix<'a, T>,
    v: Matrix<'a, T>,
    /// Of the batch.
    row: usize,
    segments: &'a [u32],
}

impl Attention {
    fn operands<'a, T: Real>(&'a self, s: Sizes, data: [&'a [T]; 3], batch: usize, head: usize) -> Head<'a, T> {
        let kv = head / (s.heads / s.kv_heads);
        Head {
            q: s.head(data[0], batch, s.queries, s.heads, head),
            k: s.head(data[1], batch, s.keys, s.kv_heads, kv),
            v: s.head(data[2], batch, s.keys, s.kv_heads, kv),
            row: batch,
            segments: &self.mask.segments[batch],
        }
    }

    /// Attention weights `[queries, keys]` of one head.
    fn weights<T: Real>(&self, s: Sizes, head: &Head<'_, T>) -> Vec<T> {
        let mut weights = vec![T::of(0.0); s.queries * s.keys];
        matrix_product(
            &mut weights,
            s.keys,
            (false, T::of(s.scale()), Hands::One),
            (head.q, false),
            (head.k, true),
        );
        for (query, weights) in weights.chunks_mut(s.keys).enumerate() {
            let place = self.mask.place(head.row, query, s.queries);
            self.softmax(head.segments, place, weights);
        }
        weights
    }

    fn softmax<T: Real>(&self, segments: &[u32], query: usize, scores: &mut [T]) {
        let visible = if self.mask.causal { query + 1 } else { scores.len() };
        let (seen, hidden) = scores.split_at_mut(visible);
        hidden.fill(T::of(0.0));
        let low = T::of(-1e30);
        let own = segments[query];
        for (score, &segment) in seen.iter_mut().zip(segments) {
            let seen = (segment == Mask::SHARED) | (segment == own);
            *score = if seen { *score } else { low };
        }
        let max = max(seen, low);
        for score in seen.iter_mut() {
            *score = (*score - max).exp();
        }
        let inverse = T::of(1.0) / sum(seen);
        for score in seen {
            *score *= inverse;
        }
    }

    fn forward<T: Real>(&self, s: Sizes, data: [&[T]; 3]) -> Vec<T> {
        let heads: Vec<Vec<T>> = (0..s.batch * s.heads)
            .into_par_iter()
            .map(|task| {
                let head = self.operands(s, data, task / s.heads, task % s.heads);
                let weights = self.weights(s, &head);
                let weights = Matrix {
                    data: &weights,
                    rows: s.queries,
                    columns: s.keys,
                    stride: s.keys,
                };
                let mut out = vec![T::of(0.0); s.queries * s.width];
                matrix_product(
                    &mut out,
                    s.width,
                    (false, T::of(1.0), Hands::One),
                    (weights, false),
                    (head.v, false),
                );
                out
            })
            .collect();
        interleave(&heads, s.batch, s.queries, s.heads, s.width)
    }

    /// Gradients of q, k and v. With `P` the weights: `dV = P^T dO`, `dP = dO V^T`,
    /// `dS = P (dP - rowsum(P dP))`, `dQ = scale dS K`, `dK = scale dS^T Q`.
    fn backward<T: Real>(&self, s: Sizes, data: [&[T]; 3], grad: &[T]) -> [Vec<T>; 3] {
        let group = s.heads / s.kv_heads;
        let tasks: Vec<GroupGradients<T>> = (0..s.batch * s.kv_heads)
            .into_par_iter()
            .map(|task| {
                let (batch, kv) = (task / s.kv_heads, task % s.kv_heads);
                let mut dk = vec![T::of(0.0); s.keys * s.width];
                let mut dv = vec![T::of(0.0); s.keys * s.width];
                let dq = (kv * group..(kv + 1) * group)
                    .map(|head| {
                        let grad = s.head(grad, batch, s.queries, s.heads, head);
                        self.backward_head(s, &self.operands(s, data, batch, head), grad, &mut dk, &mut dv)
                    })
                    .collect();
                (dq, dk, dv)
            })
            .collect();
        let (mut dq, mut dk, mut dv) = (Vec::new(), Vec::new(), Vec::new());
        for (q, k, v) in tasks {
            dq.extend(q);
            dk.push(k);
            dv.push(v);
        }
        [
            interleave(&dq, s.batch, s.queries, s.heads, s.width),
            interleave(&dk, s.batch, s.keys, s.kv_heads, s.width),
            interleave(&dv, s.batch, s.keys, s.kv_heads, s.width),
        ]
    }

    fn backward_head<T: Real>(
        &self,
        s: Sizes,
        head: &Head<'_, T>,
        grad: Matrix<'_, T>,
        dk: &mut [T],
        dv: &mut [T],
    ) -> Vec<T> {
        let weights = self.weights(s, head);
        let square = |data| Matrix {
            data,
            rows: s.queries,
            columns: s.keys,
            stride: s.keys,
        };
        matrix_product(
            dv,
            s.width,
            (true, T::of(1.0), Hands::One),
            (square(&weights), true),
            (grad, false),
        );
        let mut d_scores = vec![T::of(0.0); s.queries * s.keys];
        matrix_product(
            &mut d_scores,
            s.keys,
            (false, T::of(1.0), Hands::One),
            (grad, false),
            (head.v, true),
        );
        for (d, p) in d_scores.chunks_mut(s.keys).zip(weights.chunks(s.keys)) {
            let dot = dot(d, p);
            for (d, &p) in d.iter_mut().zip(p) {
                *d = p * (*d - dot);
            }
        }
        let scale = T::of(s.scale());
        let mut dq = vec![T::of(0.0); s.queries * s.width];
        matrix_product(
            &mut dq,
            s.width,
            (false, scale, Hands::One),
            (square(&d_scores), false),
            (head.k, false),
        );
        matrix_product(
            dk,
            s.width,
            (true, scale, Hands::One),
            (square(&d_scores), true),
            (head.q, false),
        );
        dq
    }

    fn backward_tensors<T: Real>(&self, s: Sizes, operands: [&Tensor; 3], grad: &Tensor) -> Result<[Tensor; 3]> {
        let [q, k, v] = operands;
        let [dq, dk, dv] = with_slices::<T, _>(&[q, k, v, grad], |d| Ok(self.backward(s, [d[0], d[1], d[2]], d[3])))?;
        let tensor = |values, like: &Tensor| Tensor::from_vec(values, like.shape(), like.device());
        Ok([tensor(dq, q)?, tensor(dk, k)?, tensor(dv, v)?])
    }
}

/// Gradients of the query heads that share a key head, and of its keys and values.
type GroupGradients<T> = (Vec<Vec<T>>, Vec<T>, Vec<T>);

/// Heads `[batch * heads][tokens * width]` to `[batch, tokens, heads, width]`.
fn interleave<T: Real>(parts: &[Vec<T>], batch: usize, tokens: usize, heads: usize, width: usize) -> Vec<T> {
    let mut out = vec![T::of(0.0); batch * tokens * heads * width];
    out.par_chunks_mut(heads * width)
        .enumerate()
        .with_min_len(64)
        .for_each(|(row, out)| {
            let (batch, token) = (row / tokens, row % tokens);
            for (head, out) in out.chunks_mut(width).enumerate() {
                out.copy_from_slice(&parts[batch * heads + head][token * width..(token + 1) * width]);
            }
        });
    out
}

impl CustomOp3 for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(
        &self,
        q: &CpuStorage,
        lq: &Layout,
        k: &CpuStorage,
        lk: &Layout,
        v: &CpuStorage,
        lv: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let s = Sizes::of(lq, lk)?;
        let y = match q {
            CpuStorage::F64(_) => CpuStorage::F64(self.forward(s, [slice(q, lq)?, slice(k, lk)?, slice(v, lv)?])),
            _ => CpuStorage::F32(self.forward(s, [slice(q, lq)?, slice(k, lk)?, slice(v, lv)?])),
        };
        Ok((y, lq.shape().clone()))
    }

    fn bwd(
        &self,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let s = Sizes::of(q.layout(), k.layout())?;
        let grad = grad.contiguous()?;
        let [dq, dk, dv] = match q.dtype() {
            DType::F64 => self.backward_tensors::<f64>(s, [q, k, v], &grad)?,
            _ => self.backward_tensors::<f32>(s, [q, k, v], &grad)?,
        };
        Ok((Some(dq), Some(dk), Some(dv)))
    }
}
