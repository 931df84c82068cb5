//! What training needs beside the product's blocks, which freeze the vision tower: fused layer norm and bias with the
//! gradients of their parameters.

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};
use masp::nn::cpu::{dot, slice, sum, with_slices};
use rayon::prelude::*;

const EPS: f32 = 1e-6;

/// `x W^T + b` with `W` `[out, in]`, over the last dimension of `x`.
///
/// # Errors
/// Where shapes differ.
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let mut dims = x.dims().to_vec();
    let y = x.reshape(((), weight.dim(1)?))?.matmul(&weight.t()?)?;
    if let Some(last) = dims.last_mut() {
        *last = weight.dim(0)?;
    }
    match bias {
        Some(bias) => y.apply_op2(bias, BiasAdd)?.reshape(dims),
        None => y.reshape(dims),
    }
}

/// Layer norm over the last dimension.
///
/// # Errors
/// Where shapes differ.
pub fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op3(weight, bias, LayerNorm)
}

struct BiasAdd;

impl CustomOp2 for BiasAdd {
    fn name(&self) -> &'static str {
        "bias-add"
    }

    fn cpu_fwd(&self, x: &CpuStorage, lx: &Layout, b: &CpuStorage, lb: &Layout) -> Result<(CpuStorage, Shape)> {
        let (x, b) = (slice::<f32>(x, lx)?, slice::<f32>(b, lb)?);
        let mut y = x.to_vec();
        y.par_chunks_mut(b.len())
            .with_min_len(64)
            .for_each(|row| row.iter_mut().zip(b).for_each(|(y, b)| *y += b));
        Ok((CpuStorage::F32(y), lx.shape().clone()))
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, _: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let ones = Tensor::ones((1, grad.dim(0)?), grad.dtype(), grad.device())?;
        Ok((Some(grad.clone()), Some(ones.matmul(grad)?.squeeze(0)?)))
    }
}

struct LayerNorm;

/// Mean and inverse standard deviation.
fn moments(x: &[f32]) -> (f32, f32) {
    let n = x.len() as f32;
    let mean = sum(x) / n;
    let variance = dot(x, x) / n - mean * mean;
    (mean, 1.0 / (variance + EPS).sqrt())
}

/// With `u` the unit rows and `h = grad * weight`: `dx = s (h - mean(h) - u mean(h u))`.
fn backward(x: &[f32], weight: &[f32], grad: &[f32]) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let width = weight.len();
    let mut dx = vec![0.0; x.len()];
    let (mut dw, mut db) = (vec![0.0; width], vec![0.0; width]);
    let (mut unit, mut h) = (vec![0.0; width], vec![0.0; width]);
    for ((dx, x), grad) in dx.chunks_mut(width).zip(x.chunks(width)).zip(grad.chunks(width)) {
        let (mean, scale) = moments(x);
        for i in 0..width {
            unit[i] = (x[i] - mean) * scale;
            h[i] = grad[i] * weight[i];
            dw[i] += grad[i] * unit[i];
            db[i] += grad[i];
        }
        let (mean_h, mean_hu) = (sum(&h) / width as f32, dot(&h, &unit) / width as f32);
        for i in 0..width {
            dx[i] = scale * (h[i] - mean_h - unit[i] * mean_hu);
        }
    }
    (dx, dw, db)
}

impl CustomOp3 for LayerNorm {
    fn name(&self) -> &'static str {
        "layer-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        w: &CpuStorage,
        lw: &Layout,
        b: &CpuStorage,
        lb: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, w, b) = (slice::<f32>(x, lx)?, slice::<f32>(w, lw)?, slice::<f32>(b, lb)?);
        let mut y = vec![0.0; x.len()];
        y.par_chunks_mut(w.len())
            .zip(x.par_chunks(w.len()))
            .with_min_len(64)
            .for_each(|(y, x)| {
                let (mean, scale) = moments(x);
                for i in 0..w.len() {
                    y[i] = (x[i] - mean) * scale * w[i] + b[i];
                }
            });
        Ok((CpuStorage::F32(y), lx.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        b: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let (dx, dw, db) = with_slices::<f32, _>(&[x, w, &grad], |s| Ok(backward(s[0], s[1], s[2])))?;
        let tensor = |values, like: &Tensor| Tensor::from_vec(values, like.shape(), like.device());
        Ok((Some(tensor(dx, x)?), Some(tensor(dw, w)?), Some(tensor(db, b)?)))
    }
}
