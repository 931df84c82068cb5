//! Rotary position embedding in the "rotate half" form, with angles given per token.

use candle_core::{CpuStorage, CustomOp1, D, DType, Device, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::backend::Backend;
use super::cpu::{Real, slice, with_slices};
use super::cuda;
use super::precision::{wide, widened};

/// Angles of a batch of sequences, ready to rotate queries and keys.
#[derive(Clone, Debug)]
pub struct Rotary {
    /// `[2, batch, tokens, head_dim / 2]`: cosines, then sines.
    joined: Tensor,
    /// `[batch, tokens, head_dim / 2]`
    cos: Tensor,
    /// `[batch, tokens, head_dim / 2]`
    sin: Tensor,
}

impl Rotary {
    /// `angles` are in radians, `[batch, tokens, half]` flattened. The tables, for tensors of `dtype`, are computed in
    /// f64 and stored in the format that rotation computes in.
    ///
    /// # Errors
    /// Where the device fails or the number of angles does not fit the shape.
    pub fn new(angles: &[f64], shape: (usize, usize, usize), dtype: DType, device: &Device) -> Result<Self> {
        let (cos, sin) = (angles.iter().map(|a| a.cos()), angles.iter().map(|a| a.sin()));
        let joined: Vec<f64> = cos.chain(sin).collect();
        let joined = Tensor::from_vec(joined, (2, shape.0, shape.1, shape.2), &Device::Cpu)?
            .to_dtype(wide(dtype))?
            .to_device(device)?;
        Ok(Self {
            cos: joined.get(0)?,
            sin: joined.get(1)?,
            joined,
        })
    }

    /// `[2, batch, tokens, head_dim / 2]`: cosines, then sines.
    pub(super) fn joined(&self) -> &Tensor {
        &self.joined
    }

    /// Cosines and sines, each `[batch, tokens, head_dim / 2]`.
    pub(super) fn tables(&self) -> (&Tensor, &Tensor) {
        (&self.cos, &self.sin)
    }

    /// Rotates `x` `[batch, tokens, heads, head_dim]`.
    ///
    /// # Errors
    /// Where shapes, dtypes or devices differ.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        match Backend::of(x) {
            Backend::Fused => x.contiguous()?.apply_op1(FusedRotary {
                rotary: self.clone(),
                sign: 1.0,
            }),
            Backend::Kernels => cuda::rotate(x, &self.cos, &self.sin),
            Backend::Plain => self.plain(x),
        }
    }

    /// The plain form. Half precision is computed in f32.
    pub(super) fn plain(&self, x: &Tensor) -> Result<Tensor> {
        let (dtype, x) = (x.dtype(), widened(x)?);
        let half = x.dim(D::Minus1)? / 2;
        let (first, second) = (x.narrow(D::Minus1, 0, half)?, x.narrow(D::Minus1, half, half)?);
        let (cos, sin) = (self.cos.unsqueeze(2)?, self.sin.unsqueeze(2)?);
        let rotated_first = (first.broadcast_mul(&cos)? - second.broadcast_mul(&sin)?)?;
        let rotated_second = (second.broadcast_mul(&cos)? + first.broadcast_mul(&sin)?)?;
        Tensor::cat(&[rotated_first, rotated_second], D::Minus1)?.to_dtype(dtype)
    }
}

/// Its backward is the rotation by the negated angles.
struct FusedRotary {
    rotary: Rotary,
    sign: f64,
}

impl FusedRotary {
    fn rotate<T: Real>(&self, x: &[T], dims: (usize, usize)) -> Result<Vec<T>> {
        let (heads, width) = dims;
        let (row, half) = (heads * width, width / 2);
        let sign = T::of(self.sign);
        with_slices::<T, _>(&[&self.rotary.cos, &self.rotary.sin], |tables| {
            let mut y = x.to_vec();
            y.par_chunks_mut(TOKENS * row).enumerate().for_each(|(task, y)| {
                let from = task * TOKENS * half;
                rotate_rows(y, (row, width), (&tables[0][from..], &tables[1][from..]), sign);
            });
            Ok(y)
        })
    }
}

/// Tokens per task.
const TOKENS: usize = 16;

/// Rotates the heads, each `width` wide, of rows of length `row`. The tables begin with the first row's angles.
pub(super) fn rotate_rows<T: Real>(x: &mut [T], (row, width): (usize, usize), (cos, sin): (&[T], &[T]), sign: T) {
    let half = width / 2;
    for ((x, cos), sin) in x.chunks_mut(row).zip(cos.chunks(half)).zip(sin.chunks(half)) {
        for x in x.chunks_mut(width) {
            let (x1, x2) = x.split_at_mut(half);
            for (((x1, x2), &cos), &sin) in x1.iter_mut().zip(x2).zip(cos).zip(sin) {
                let (first, second, sin) = (*x1, *x2, sign * sin);
                *x1 = first * cos - second * sin;
                *x2 = second * cos + first * sin;
            }
        }
    }
}

impl CustomOp1 for FusedRotary {
    fn name(&self) -> &'static str {
        "rotary"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, tokens, heads, width) = layout.shape().dims4()?;
        if self.rotary.cos.dims3()? != (batch, tokens, width / 2) {
            candle_core::bail!(
                "rotary tables {:?} do not fit {:?}",
                self.rotary.cos.shape(),
                layout.shape()
            );
        }
        let y = match x {
            CpuStorage::F64(_) => CpuStorage::F64(self.rotate::<f64>(slice(x, layout)?, (heads, width))?),
            _ => CpuStorage::F32(self.rotate::<f32>(slice(x, layout)?, (heads, width))?),
        };
        Ok((y, layout.shape().clone()))
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let back = Self {
            rotary: self.rotary.clone(),
            sign: -self.sign,
        };
        Ok(Some(grad.contiguous()?.apply_op1_no_bwd(&back)?))
    }
}
