//! Activations: SiLU inside SwiGLU, and the GELUs of the vision towers.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, DType, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::backend::Backend;
use super::cpu::{Real, slice, vectorised, with_slices};
use super::cuda;
use super::linear::Linear;
use super::precision::widened;

/// Elements a task handles.
const GRAIN: usize = 4096;

/// `silu(gate) * up`, both `[.., width]`.
///
/// # Errors
/// Where shapes, dtypes or devices differ.
pub fn swiglu(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    match Backend::of(gate) {
        Backend::Fused => gate.contiguous()?.apply_op2(&up.contiguous()?, SwiGlu),
        Backend::Kernels => cuda::swiglu(gate, up),
        Backend::Plain => plain_swiglu(gate, up),
    }
}

/// The plain form of [`swiglu`].
pub(super) fn plain_swiglu(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    (widened(gate)?.silu()? * widened(up)?)?.to_dtype(gate.dtype())
}

/// `x * sigmoid(1.702 x)`, the vision blocks' activation.
///
/// # Errors
/// Where the device fails.
pub fn quick_gelu(x: &Tensor) -> Result<Tensor> {
    match Backend::of(x) {
        Backend::Fused => x.contiguous()?.apply_op1(Gelu::Quick),
        Backend::Kernels => cuda::gelu(x, false),
        Backend::Plain => plain_quick_gelu(x),
    }
}

/// [`quick_gelu`] of `first(x)`.
///
/// # Errors
/// Where shapes, dtypes or devices differ.
pub fn quick_gelu_of(first: &Linear, x: &Tensor) -> Result<Tensor> {
    match first.forward_apart(x)? {
        (y, Some(bias)) => cuda::biased_gelu(&y, bias, false),
        (y, None) => quick_gelu(&y),
    }
}

/// [`tanh_gelu`] of `first(x)`.
///
/// # Errors
/// Where shapes, dtypes or devices differ.
pub fn tanh_gelu_of(first: &Linear, x: &Tensor) -> Result<Tensor> {
    match first.forward_apart(x)? {
        (y, Some(bias)) => cuda::biased_gelu(&y, bias, true),
        (y, None) => tanh_gelu(&y),
    }
}

/// The plain form of [`quick_gelu`]: x sigmoid(c x) = silu(c x) / c. (silu(z) / z would fail at 0.)
pub(super) fn plain_quick_gelu(x: &Tensor) -> Result<Tensor> {
    ((widened(x)? * QUICK)?.silu()? / QUICK)?.to_dtype(x.dtype())
}

/// GELU with its tangent form, the activation of Qwen3-VL's blocks: `x sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3))`.
///
/// # Errors
/// Where the device fails.
pub fn tanh_gelu(x: &Tensor) -> Result<Tensor> {
    match Backend::of(x) {
        Backend::Fused => x.contiguous()?.apply_op1(Gelu::Tanh),
        Backend::Kernels => cuda::gelu(x, true),
        Backend::Plain => plain_tanh_gelu(x),
    }
}

/// The plain form of [`tanh_gelu`].
pub(super) fn plain_tanh_gelu(x: &Tensor) -> Result<Tensor> {
    widened(x)?.gelu()?.to_dtype(x.dtype())
}

const QUICK: f64 = 1.702;
/// `2 sqrt(2 / pi)`
const TANH: f64 = 1.595_769_121_605_731;
const CUBIC: f64 = 0.044_715;

#[inline(always)]
fn sigmoid<T: Real>(x: T) -> T {
    T::of(1.0) / (T::of(1.0) + (T::of(0.0) - x).exp())
}

/// `x sigmoid(u(x))`
#[derive(Clone, Copy)]
enum Gelu {
    Quick,
    Tanh,
}

impl Gelu {
    fn forward<T: Real>(self, x: &[T]) -> Vec<T> {
        match self {
            Self::Quick => {
                let c = T::of(QUICK);
                each(x, |x| x * sigmoid(c * x))
            }
            Self::Tanh => {
                let (c, cubic) = (T::of(TANH), T::of(CUBIC));
                each(x, |x| x * sigmoid(c * (x + cubic * x * x * x)))
            }
        }
    }

    fn backward<T: Real>(self, x: &Tensor, grad: &Tensor) -> Result<Tensor> {
        let one = T::of(1.0);
        let dx = with_slices::<T, _>(&[x, grad], |slices| {
            let (x, grad) = (slices[0], slices[1]);
            Ok(match self {
                Self::Quick => {
                    let c = T::of(QUICK);
                    each_of_two(x, grad, |x, g| {
                        let s = sigmoid(c * x);
                        g * s * (one + c * x * (one - s))
                    })
                }
                Self::Tanh => {
                    let (c, cubic, thrice) = (T::of(TANH), T::of(CUBIC), T::of(3.0 * CUBIC));
                    each_of_two(x, grad, |x, g| {
                        let s = sigmoid(c * (x + cubic * x * x * x));
                        g * s * (one + c * x * (one + thrice * x * x) * (one - s))
                    })
                }
            })
        })?;
        Tensor::from_vec(dx, x.shape(), x.device())
    }
}

fn each<T: Real>(x: &[T], f: impl Fn(T) -> T + Sync) -> Vec<T> {
    let mut y = vec![T::of(0.0); x.len()];
    let chunks = y.par_chunks_mut(GRAIN).zip(x.par_chunks(GRAIN));
    chunks.for_each(|(y, x)| {
        vectorised(|| {
            for (y, &x) in y.iter_mut().zip(x) {
                *y = f(x);
            }
        });
    });
    y
}

fn each_of_two<T: Real>(x: &[T], grad: &[T], f: impl Fn(T, T) -> T + Sync) -> Vec<T> {
    let mut dx = vec![T::of(0.0); x.len()];
    let inputs = x.par_chunks(GRAIN).zip(grad.par_chunks(GRAIN));
    let chunks = dx.par_chunks_mut(GRAIN).zip(inputs);
    chunks.for_each(|(dx, (x, grad))| {
        for ((dx, &x), &g) in dx.iter_mut().zip(x).zip(grad) {
            *dx = f(x, g);
        }
    });
    dx
}

impl CustomOp1 for Gelu {
    fn name(&self) -> &'static str {
        match self {
            Self::Quick => "quick-gelu",
            Self::Tanh => "tanh-gelu",
        }
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let y = match x {
            CpuStorage::F64(_) => CpuStorage::F64(self.forward::<f64>(slice(x, layout)?)),
            _ => CpuStorage::F32(self.forward::<f32>(slice(x, layout)?)),
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

struct SwiGlu;

impl SwiGlu {
    fn forward<T: Real>(gate: &[T], up: &[T]) -> Vec<T> {
        let mut y = vec![T::of(0.0); gate.len()];
        let inputs = gate.par_chunks(GRAIN).zip(up.par_chunks(GRAIN));
        let chunks = y.par_chunks_mut(GRAIN).zip(inputs);
        chunks.for_each(|(y, (gate, up))| gated(gate, up, y));
        y
    }

    fn backward<T: Real>(gate: &Tensor, up: &Tensor, grad: &Tensor) -> Result<(Tensor, Tensor)> {
        let (d_gate, d_up) = with_slices::<T, _>(&[gate, up, grad], |slices| {
            let mut d_gate = slices[2].to_vec();
            let mut d_up = vec![T::of(0.0); d_gate.len()];
            let inputs = slices[0].par_chunks(GRAIN).zip(slices[1].par_chunks(GRAIN));
            let outputs = d_gate.par_chunks_mut(GRAIN).zip(d_up.par_chunks_mut(GRAIN));
            let chunks = outputs.zip(inputs);
            chunks.for_each(|((d_gate, d_up), inputs)| gated_backward(inputs, d_gate, d_up));
            Ok((d_gate, d_up))
        })?;
        let tensor = |values| Tensor::from_vec(values, gate.shape(), gate.device());
        Ok((tensor(d_gate)?, tensor(d_up)?))
    }
}

/// `y = silu(gate) * up`.
pub(super) fn gated<T: Real>(gate: &[T], up: &[T], y: &mut [T]) {
    vectorised(|| {
        for ((y, &g), &u) in y.iter_mut().zip(gate).zip(up) {
            *y = g * sigmoid(g) * u;
        }
    });
}

/// The gradients of gate and up; `d` holds the result's and then that of gate.
pub(super) fn gated_backward<T: Real>((gate, up): (&[T], &[T]), d: &mut [T], d_up: &mut [T]) {
    vectorised(|| {
        for ((d, d_up), (&g, &u)) in d.iter_mut().zip(d_up).zip(gate.iter().zip(up)) {
            let (s, grad) = (sigmoid(g), *d);
            *d = grad * u * s * (T::of(1.0) + g * (T::of(1.0) - s));
            *d_up = grad * g * s;
        }
    });
}

impl CustomOp2 for SwiGlu {
    fn name(&self) -> &'static str {
        "swiglu"
    }

    fn cpu_fwd(&self, g: &CpuStorage, lg: &Layout, u: &CpuStorage, lu: &Layout) -> Result<(CpuStorage, Shape)> {
        let y = match g {
            CpuStorage::F64(_) => CpuStorage::F64(Self::forward::<f64>(slice(g, lg)?, slice(u, lu)?)),
            _ => CpuStorage::F32(Self::forward::<f32>(slice(g, lg)?, slice(u, lu)?)),
        };
        Ok((y, lg.shape().clone()))
    }

    fn bwd(&self, g: &Tensor, u: &Tensor, _: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let (d_gate, d_up) = match g.dtype() {
            DType::F64 => Self::backward::<f64>(g, u, &grad)?,
            _ => Self::backward::<f32>(g, u, &grad)?,
        };
        Ok((Some(d_gate), Some(d_up)))
    }
}
