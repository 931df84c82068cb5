//! Activations: SiLU inside SwiGLU, the vision tower's QuickGELU and the merger's GELU.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, DType, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::kernel::{Real, is_fused, slice, with_slices};

/// Elements a task handles at least.
const GRAIN: usize = 4096;

/// `silu(gate) * up`, both `[.., width]`.
///
/// # Errors
/// Where shapes, dtypes or devices differ.
pub fn swiglu(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    if is_fused(gate) {
        return gate.contiguous()?.apply_op2(&up.contiguous()?, SwiGlu);
    }
    gate.silu()? * up
}

/// `x * sigmoid(1.702 x)`, the vision blocks' activation.
///
/// # Errors
/// Where the device fails.
pub fn quick_gelu(x: &Tensor) -> Result<Tensor> {
    if is_fused(x) {
        return x.contiguous()?.apply_op1(QuickGelu);
    }
    // sigmoid(z) = silu(z) / z loses nothing but z = 0; so scale silu instead: x sigmoid(c x) = silu(c x) / c.
    (x * QUICK)?.silu()? / QUICK
}

const QUICK: f64 = 1.702;

fn sigmoid<T: Real>(x: T) -> T {
    T::of(1.0) / (T::of(1.0) + (T::of(0.0) - x).exp())
}

struct QuickGelu;

impl QuickGelu {
    fn forward<T: Real>(x: &[T]) -> Vec<T> {
        let c = T::of(QUICK);
        x.par_iter()
            .with_min_len(GRAIN)
            .map(|&x| x * sigmoid(c * x))
            .collect()
    }

    fn backward<T: Real>(x: &Tensor, grad: &Tensor) -> Result<Tensor> {
        let c = T::of(QUICK);
        let dx: Vec<T> = with_slices::<T, _>(&[x, grad], |slices| {
            let pairs = slices[0].par_iter().zip(slices[1]).with_min_len(GRAIN);
            Ok(pairs
                .map(|(&x, &g)| {
                    let s = sigmoid(c * x);
                    g * s * (T::of(1.0) + c * x * (T::of(1.0) - s))
                })
                .collect())
        })?;
        Tensor::from_vec(dx, x.shape(), x.device())
    }
}

impl CustomOp1 for QuickGelu {
    fn name(&self) -> &'static str {
        "quick-gelu"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let y = match x {
            CpuStorage::F64(_) => CpuStorage::F64(Self::forward::<f64>(slice(x, layout)?)),
            _ => CpuStorage::F32(Self::forward::<f32>(slice(x, layout)?)),
        };
        Ok((y, layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let grad = grad.contiguous()?;
        Ok(Some(match x.dtype() {
            DType::F64 => Self::backward::<f64>(x, &grad)?,
            _ => Self::backward::<f32>(x, &grad)?,
        }))
    }
}

struct SwiGlu;

impl SwiGlu {
    fn forward<T: Real>(gate: &[T], up: &[T]) -> Vec<T> {
        gate.par_iter()
            .zip(up)
            .with_min_len(GRAIN)
            .map(|(&g, &u)| g * sigmoid(g) * u)
            .collect()
    }

    fn backward<T: Real>(gate: &Tensor, up: &Tensor, grad: &Tensor) -> Result<(Tensor, Tensor)> {
        let (d_gate, d_up): (Vec<T>, Vec<T>) = with_slices::<T, _>(&[gate, up, grad], |slices| {
            let all = slices[0]
                .par_iter()
                .zip(slices[1])
                .zip(slices[2])
                .with_min_len(GRAIN);
            Ok(all
                .map(|((&g, &u), &d)| {
                    let s = sigmoid(g);
                    (d * u * s * (T::of(1.0) + g * (T::of(1.0) - s)), d * g * s)
                })
                .unzip())
        })?;
        let tensor = |values| Tensor::from_vec(values, gate.shape(), gate.device());
        Ok((tensor(d_gate)?, tensor(d_up)?))
    }
}

impl CustomOp2 for SwiGlu {
    fn name(&self) -> &'static str {
        "swiglu"
    }

    fn cpu_fwd(
        &self,
        g: &CpuStorage,
        lg: &Layout,
        u: &CpuStorage,
        lu: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let y = match g {
            CpuStorage::F64(_) => {
                CpuStorage::F64(Self::forward::<f64>(slice(g, lg)?, slice(u, lu)?))
            }
            _ => CpuStorage::F32(Self::forward::<f32>(slice(g, lg)?, slice(u, lu)?)),
        };
        Ok((y, lg.shape().clone()))
    }

    fn bwd(
        &self,
        g: &Tensor,
        u: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let (d_gate, d_up) = match g.dtype() {
            DType::F64 => Self::backward::<f64>(g, u, &grad)?,
            _ => Self::backward::<f32>(g, u, &grad)?,
        };
        Ok((Some(d_gate), Some(d_up)))
    }
}
