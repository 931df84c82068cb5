//! Normalisation over the last dimension.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, D, DType, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::backend::Backend;
use super::cpu::{Real, dot, dot3, slice, sum_of, vectorised, with_slices};
use super::cuda;
use super::precision::widened;

/// `x / rms(x) * weight`, Qwen2's `Qwen2RMSNorm`.
#[derive(Clone, Debug)]
pub struct RmsNorm {
    weight: Tensor,
    eps: f64,
    trained: bool,
}

impl RmsNorm {
    /// `weight` is `[hidden]`; with `trained` it gets a gradient.
    #[must_use]
    pub fn new(weight: Tensor, eps: f64, trained: bool) -> Self {
        Self { weight, eps, trained }
    }

    /// `[hidden]`
    #[must_use]
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// The epsilon that is added to the mean square.
    #[must_use]
    pub fn eps(&self) -> f64 {
        self.eps
    }

    /// Whether the weight gets a gradient.
    #[must_use]
    pub fn is_trained(&self) -> bool {
        self.trained
    }

    /// `x` `[.., hidden]` to the same shape.
    ///
    /// # Errors
    /// Where shapes, dtypes or devices differ.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match Backend::of(x) {
            Backend::Fused => {
                let op = FusedRms {
                    eps: self.eps,
                    trained: self.trained,
                };
                x.contiguous()?.apply_op2(&self.weight, op)
            }
            Backend::Kernels if !self.trained => cuda::rms_norm(x, &self.weight, self.eps),
            Backend::Kernels | Backend::Plain => self.plain(x),
        }
    }

    /// The plain form. Half precision is computed in f32, as in transformers.
    pub(super) fn plain(&self, x: &Tensor) -> Result<Tensor> {
        let (dtype, wide) = (x.dtype(), widened(x)?);
        let mean = wide.sqr()?.mean_keepdim(D::Minus1)?;
        wide.broadcast_div(&(mean + self.eps)?.sqrt()?)?
            .to_dtype(dtype)?
            .broadcast_mul(&self.weight)
    }
}

/// `(x - mean) / sd * weight + bias`.
#[derive(Clone, Debug)]
pub struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
    eps: f64,
    trained: bool,
}

impl LayerNorm {
    /// `weight` and `bias` are `[hidden]`; with `trained` they get gradients.
    #[must_use]
    pub fn new(weight: Tensor, bias: Tensor, eps: f64, trained: bool) -> Self {
        Self {
            weight,
            bias,
            eps,
            trained,
        }
    }

    /// `x` `[.., hidden]` to the same shape.
    ///
    /// # Errors
    /// Where shapes, dtypes or devices differ.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match Backend::of(x) {
            Backend::Fused if !self.trained => x.contiguous()?.apply_op1(FusedLayer(self.clone())),
            Backend::Kernels if !self.trained => cuda::layer_norm(x, &self.weight, &self.bias, self.eps),
            Backend::Fused | Backend::Kernels | Backend::Plain => self.plain(x),
        }
    }

    /// The plain form. Half precision is computed in f32.
    pub(super) fn plain(&self, x: &Tensor) -> Result<Tensor> {
        let (dtype, wide) = (x.dtype(), widened(x)?);
        let centred = wide.broadcast_sub(&wide.mean_keepdim(D::Minus1)?)?;
        let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
        let unit = centred.broadcast_div(&(variance + self.eps)?.sqrt()?)?;
        unit.broadcast_mul(&widened(&self.weight)?)?
            .broadcast_add(&widened(&self.bias)?)?
            .to_dtype(dtype)
    }
}

/// The frozen form on the CPU.
struct FusedLayer(LayerNorm);

impl FusedLayer {
    fn forward<T: Real>(&self, x: &[T]) -> Result<Vec<T>> {
        with_slices::<T, _>(&[&self.0.weight, &self.0.bias], |s| {
            let width = s[0].len();
            let mut y = vec![T::of(0.0); x.len()];
            let rows = y.par_chunks_mut(width).zip(x.par_chunks(width));
            rows.with_min_len(16).for_each(|(y, x)| {
                let (mean, scale) = moments(x, self.0.eps);
                for (((y, &x), &w), &b) in y.iter_mut().zip(x).zip(s[0]).zip(s[1]) {
                    *y = (x - mean) * scale * w + b;
                }
            });
            Ok(y)
        })
    }

    /// With `g = grad * weight`, `n` the normalised row and `s = 1 / sd`: `dx = s (g - mean(g) - n mean(g n))`.
    fn backward<T: Real>(&self, x: &Tensor, grad: &Tensor) -> Result<Tensor> {
        let dx = with_slices::<T, _>(&[x, grad, &self.0.weight], |s| {
            let width = s[2].len();
            let mut dx = vec![T::of(0.0); s[0].len()];
            let rows = dx
                .par_chunks_mut(width)
                .zip(s[0].par_chunks(width))
                .zip(s[1].par_chunks(width));
            rows.with_min_len(16).for_each(|((dx, x), grad)| {
                let (mean, scale) = moments(x, self.0.eps);
                let count = T::of(width as f64);
                let g = |place: usize| grad[place] * s[2][place];
                let n = |place: usize| (x[place] - mean) * scale;
                let mean_g = (0..width).map(g).sum::<T>() / count;
                let mean_gn = (0..width).map(|place| g(place) * n(place)).sum::<T>() / count;
                for (place, dx) in dx.iter_mut().enumerate() {
                    *dx = scale * (g(place) - mean_g - n(place) * mean_gn);
                }
            });
            Ok(dx)
        })?;
        Tensor::from_vec(dx, x.shape(), x.device())
    }
}

/// A row's mean, and the inverse of its standard deviation.
fn moments<T: Real>(x: &[T], eps: f64) -> (T, T) {
    let count = T::of(x.len() as f64);
    let mean = sum_of(x, |x| x) / count;
    let variance = sum_of(x, |x| (x - mean) * (x - mean)) / count;
    (mean, T::of(1.0) / (variance + T::of(eps)).sqrt())
}

impl CustomOp1 for FusedLayer {
    fn name(&self) -> &'static str {
        "layer-norm"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let y = match x {
            CpuStorage::F64(_) => CpuStorage::F64(self.forward::<f64>(slice(x, layout)?)?),
            _ => CpuStorage::F32(self.forward::<f32>(slice(x, layout)?)?),
        };
        Ok((y, layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let grad = grad.contiguous()?;
        Ok(Some(match x.dtype() {
            DType::F64 => self.backward::<f64>(x, &grad)?,
            _ => self.backward::<f32>(x, &grad)?,
        }))
    }
}

struct FusedRms {
    eps: f64,
    trained: bool,
}

impl FusedRms {
    fn forward<T: Real>(&self, x: &[T], weight: &[T]) -> Vec<T> {
        let rows = ROWS * weight.len();
        let mut y = vec![T::of(0.0); x.len()];
        y.par_chunks_mut(rows)
            .zip(x.par_chunks(rows))
            .for_each(|(y, x)| rms_rows(x, (weight, self.eps), y));
        y
    }

    /// Gradients of input and weight; `dw = sum over rows of grad x / rms(x)`.
    fn backward<T: Real>(&self, x: &[T], weight: &[T], grad: &[T]) -> (Vec<T>, Option<Vec<T>>) {
        let (width, rows) = (weight.len(), ROWS * weight.len());
        let mut dx = vec![T::of(0.0); x.len()];
        dx.par_chunks_mut(rows)
            .zip(x.par_chunks(rows))
            .zip(grad.par_chunks(rows))
            .for_each(|((dx, x), grad)| rms_rows_backward(x, (weight, self.eps), grad, dx));
        let dw = self.trained.then(|| {
            let mut dw = vec![T::of(0.0); width];
            for (x, grad) in x.chunks(width).zip(grad.chunks(width)) {
                let s = inverse_rms(x, self.eps);
                for ((dw, &x), &g) in dw.iter_mut().zip(x).zip(grad) {
                    *dw += g * x * s;
                }
            }
            dw
        });
        (dx, dw)
    }

    fn backward_tensors<T: Real>(&self, x: &Tensor, w: &Tensor, grad: &Tensor) -> Result<(Tensor, Option<Tensor>)> {
        let (dx, dw) = with_slices::<T, _>(&[x, w, grad], |s| Ok(self.backward(s[0], s[1], s[2])))?;
        let dw = dw.map(|dw| Tensor::from_vec(dw, w.shape(), w.device())).transpose()?;
        Ok((Tensor::from_vec(dx, x.shape(), x.device())?, dw))
    }
}

/// Rows per task.
const ROWS: usize = 16;

/// `y = x / rms(x) * weight` of rows `[rows, hidden]`. The second argument is the weight and its epsilon.
pub(super) fn rms_rows<T: Real>(x: &[T], (weight, eps): (&[T], f64), y: &mut [T]) {
    vectorised(|| {
        for (y, x) in y.chunks_mut(weight.len()).zip(x.chunks(weight.len())) {
            let scale = inverse_rms(x, eps);
            for ((y, &x), &w) in y.iter_mut().zip(x).zip(weight) {
                *y = x * scale * w;
            }
        }
    });
}

/// With `g = grad * weight` and `s = 1 / rms(x)`: `dx += s (g - x s^2 mean(g x))`.
pub(super) fn rms_rows_backward<T: Real>(x: &[T], (weight, eps): (&[T], f64), grad: &[T], dx: &mut [T]) {
    let width = weight.len();
    vectorised(|| {
        for ((dx, x), grad) in dx.chunks_mut(width).zip(x.chunks(width)).zip(grad.chunks(width)) {
            let s = inverse_rms(x, eps);
            let c = s * s * s * dot3(grad, weight, x) / T::of(width as f64);
            for (((dx, &x), &g), &w) in dx.iter_mut().zip(x).zip(grad).zip(weight) {
                *dx += s * g * w - c * x;
            }
        }
    });
}

#[inline(always)]
fn inverse_rms<T: Real>(x: &[T], eps: f64) -> T {
    let square = dot(x, x);
    T::of(1.0) / (square / T::of(x.len() as f64) + T::of(eps)).sqrt()
}

impl CustomOp2 for FusedRms {
    fn name(&self) -> &'static str {
        "rms-norm"
    }

    fn cpu_fwd(&self, x: &CpuStorage, lx: &Layout, w: &CpuStorage, lw: &Layout) -> Result<(CpuStorage, Shape)> {
        let y = match x {
            CpuStorage::F64(_) => CpuStorage::F64(self.forward::<f64>(slice(x, lx)?, slice(w, lw)?)),
            _ => CpuStorage::F32(self.forward::<f32>(slice(x, lx)?, slice(w, lw)?)),
        };
        Ok((y, lx.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, w: &Tensor, _: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let (dx, dw) = match x.dtype() {
            DType::F64 => self.backward_tensors::<f64>(x, w, &grad)?,
            _ => self.backward_tensors::<f32>(x, w, &grad)?,
        };
        Ok((Some(dx), dw))
    }
}
