//! The fused CPU form of [`super::attention`]. For backward it keeps only the operands.

use candle_core::{CpuStorage, CustomOp3, DType, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::heads::{Heads, HeadsMajor, Sizes};
use super::mask::Mask;
use crate::nn::cpu::{Real, slice, with_slices};

pub(super) struct Attention {
    pub mask: Mask,
}

fn sizes(q: &Layout, k: &Layout) -> Result<Sizes> {
    let (batch, queries, heads, width) = q.shape().dims4()?;
    let (_, keys, kv_heads, _) = k.shape().dims4()?;
    Ok(Sizes {
        batch,
        queries,
        keys,
        heads,
        kv_heads,
        width,
    })
}

fn zeros<T: Real>(len: usize) -> Vec<T> {
    vec![T::of(0.0); len]
}

impl Attention {
    fn heads<'a, T>(&'a self, sizes: Sizes, [q, k, v]: [&'a [T]; 3]) -> Heads<'a, T> {
        Heads {
            sizes,
            q,
            k,
            v,
            mask: &self.mask,
            interrupt: None,
        }
    }

    fn forward<T: Real>(&self, s: Sizes, data: [&[T]; 3]) -> Vec<T> {
        let (mut out, mut log_sums) = (zeros(data[0].len()), zeros(s.batch * s.heads * s.queries));
        self.heads(s, data).forward(&mut out, &mut log_sums);
        by_token(&out, (s.queries, s.heads, s.width))
    }

    /// Gradients of q, k and v. Forward runs again first, because backward needs the softmax sums.
    fn backward<T: Real>(&self, s: Sizes, data: [&[T]; 3], grad: &[T]) -> [Vec<T>; 3] {
        let heads = self.heads(s, data);
        let (mut out, mut log_sums) = (zeros(data[0].len()), zeros(s.batch * s.heads * s.queries));
        heads.forward(&mut out, &mut log_sums);
        let [mut dq, mut dk, mut dv] = data.map(|operand| zeros(operand.len()));
        heads.backward((&out, &log_sums), grad, (&mut dq, &mut dk, &mut dv));
        [
            by_token(&dq, (s.queries, s.heads, s.width)),
            by_token(&dk, (s.keys, s.kv_heads, s.width)),
            by_token(&dv, (s.keys, s.kv_heads, s.width)),
        ]
    }

    fn backward_tensors<T: Real>(&self, s: Sizes, operands: [&Tensor; 3], grad: &Tensor) -> Result<[Tensor; 3]> {
        let [q, k, v] = operands;
        let [dq, dk, dv] = with_slices::<T, _>(&[q, k, v, grad], |d| Ok(self.backward(s, [d[0], d[1], d[2]], d[3])))?;
        let tensor = |values, like: &Tensor| Tensor::from_vec(values, like.shape(), like.device());
        Ok([tensor(dq, q)?, tensor(dk, k)?, tensor(dv, v)?])
    }
}

/// Tokens per task of [`by_token`].
const TOKENS: usize = 64;

/// `[batch, heads, tokens, width]` to `[batch, tokens, heads, width]`.
fn by_token<T: Real>(data: &[T], (tokens, heads, head): (usize, usize, usize)) -> Vec<T> {
    let major = HeadsMajor {
        data,
        skipped: 0,
        tokens,
        heads,
        head,
    };
    let mut out = zeros(data.len());
    out.par_chunks_mut((TOKENS * heads * head).max(1))
        .enumerate()
        .for_each(|(task, out)| major.gather(task * TOKENS, out));
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
        let s = sizes(lq, lk)?;
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
        let s = sizes(q.layout(), k.layout())?;
        let grad = grad.contiguous()?;
        let [dq, dk, dv] = match q.dtype() {
            DType::F64 => self.backward_tensors::<f64>(s, [q, k, v], &grad)?,
            _ => self.backward_tensors::<f32>(s, [q, k, v], &grad)?,
        };
        Ok((Some(dq), Some(dk), Some(dv)))
    }
}
