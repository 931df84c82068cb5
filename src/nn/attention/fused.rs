//! The fused CPU form: one task per head. For backward it keeps only the operands and the result.

use candle_core::{CpuStorage, CustomOp3, DType, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::Mask;
use super::head::{Given, Head};
use crate::nn::kernel::{Matrix, Real, slice, with_slices};

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

impl Attention {
    fn operands<'a, T: Real>(&'a self, s: Sizes, data: [&'a [T]; 3], batch: usize, head: usize) -> Head<'a, T> {
        let kv = head / (s.heads / s.kv_heads);
        Head {
            q: s.head(data[0], batch, s.queries, s.heads, head),
            k: s.head(data[1], batch, s.keys, s.kv_heads, kv),
            v: s.head(data[2], batch, s.keys, s.kv_heads, kv),
            mask: &self.mask,
            row: batch,
            interrupt: None,
        }
    }

    fn forward<T: Real>(&self, s: Sizes, data: [&[T]; 3]) -> Vec<T> {
        let heads: Vec<Vec<T>> = (0..s.batch * s.heads)
            .into_par_iter()
            .map(|task| {
                let head = self.operands(s, data, task / s.heads, task % s.heads);
                let mut out = vec![T::of(0.0); s.queries * s.width];
                head.forward(&mut out, &mut vec![T::of(0.0); s.queries]);
                out
            })
            .collect();
        interleave(&heads, s.batch, s.queries, s.heads, s.width)
    }

    /// Gradients of q, k and v. Forward runs again first, because backward needs the softmax sums.
    fn backward<T: Real>(&self, s: Sizes, data: [&[T]; 3], grad: &[T]) -> [Vec<T>; 3] {
        let group = s.heads / s.kv_heads;
        let tasks: Vec<GroupGradients<T>> = (0..s.batch * s.kv_heads)
            .into_par_iter()
            .map(|task| {
                let (batch, kv) = (task / s.kv_heads, task % s.kv_heads);
                let zeros = |tokens: usize| vec![T::of(0.0); tokens * s.width];
                let (mut dk, mut dv) = (zeros(s.keys), zeros(s.keys));
                let of_head = |head: usize| {
                    let grad = s.head(grad, batch, s.queries, s.heads, head);
                    let head = self.operands(s, data, batch, head);
                    let (mut out, mut log_sums) = (zeros(s.queries), vec![T::of(0.0); s.queries]);
                    head.forward(&mut out, &mut log_sums);
                    let given = Given {
                        out: Matrix::contiguous(&out, s.queries, s.width),
                        log_sums: &log_sums,
                    };
                    let mut dq = zeros(s.queries);
                    head.backward(given, grad, (&mut dq, &mut dk, &mut dv));
                    dq
                };
                let dq = (kv * group..(kv + 1) * group).map(of_head).collect();
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

    fn backward_tensors<T: Real>(&self, s: Sizes, operands: [&Tensor; 3], grad: &Tensor) -> Result<[Tensor; 3]> {
        let [q, k, v] = operands;
        let [dq, dk, dv] = with_slices::<T, _>(&[q, k, v, grad], |d| Ok(self.backward(s, [d[0], d[1], d[2]], d[3])))?;
        let tensor = |values, like: &Tensor| Tensor::from_vec(values, like.shape(), like.device());
        Ok([tensor(dq, q)?, tensor(dk, k)?, tensor(dv, v)?])
    }
}

/// Gradients of the query heads that share one key head, and of that head's keys and values.
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
