//! Our own CUDA kernels (`kernels.cu`), in f32 and bf16: how they are compiled and started, and one function for each.
//!
//! Nothing here decides whether they are used: `backend` does. The same kernels run on the CPU in tests, thread by
//! thread.

#[cfg(feature = "cuda")]
mod device;
#[cfg(test)]
mod emulated;
#[cfg_attr(
    not(any(test, feature = "cuda")),
    allow(dead_code, reason = "only a build with CUDA starts kernels")
)]
mod launch;
#[cfg_attr(
    not(any(test, feature = "cuda")),
    allow(dead_code, reason = "only a build with CUDA starts kernels")
)]
mod operation;
#[cfg(feature = "cuda")]
mod pool;
#[cfg(test)]
mod tests;

use candle_core::{DType, Device, Result, Tensor};

use operation::Operation;

/// Compiles the kernels, once in a process.
///
/// # Errors
/// A message: what the compiler says, or that it is not installed.
#[cfg(feature = "cuda")]
pub(super) fn compile() -> std::result::Result<(), String> {
    device::compiled().map(|_| ())
}

/// There is nothing to compile without the `cuda` feature.
#[cfg(not(feature = "cuda"))]
pub(super) fn compile() -> std::result::Result<(), String> {
    Err("this program was built without CUDA".to_owned())
}

/// Makes `device` keep freed memory for the next tensors. Returns a message if it does not.
#[cfg(feature = "cuda")]
pub(super) fn keep_freed_memory(device: &Device) -> Option<String> {
    let Device::Cuda(cuda) = device else {
        return None;
    };
    pool::keep_freed_memory(cuda).err().map(|error| {
        format!("this device's driver does not keep freed memory ({error}), so each step allocates its memory again")
    })
}

/// Only CUDA devices have a pool of freed memory.
#[cfg(not(feature = "cuda"))]
pub(super) const fn keep_freed_memory(_: &Device) -> Option<String> {
    None
}

/// Whether this thread treats the CPU as a CUDA device; only tests do.
#[cfg(test)]
pub(super) fn is_emulated() -> bool {
    emulated::EMULATED.get()
}

#[cfg(not(test))]
pub(super) const fn is_emulated() -> bool {
    false
}

/// `x / rms(x) * weight`, for `x` `[.., hidden]` and a frozen `weight` `[hidden]`.
pub(super) fn rms_norm(x: &Tensor, weight: &Tensor, eps: f64) -> Result<Tensor> {
    let weight = weight.contiguous()?;
    x.contiguous()?
        .apply_op3(&weight, &weight, Operation::RmsNorm { eps: eps as f32 })
}

/// `silu(gate) * up`, both `[.., width]`.
pub(super) fn swiglu(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    let gate = gate.contiguous()?;
    gate.apply_op3(&up.contiguous()?, &gate, Operation::SwiGlu)
}

/// `x` `[batch, tokens, heads, head_dim]` rotated by the tables `[batch, tokens, head_dim / 2]` (f32).
pub(super) fn rotate(x: &Tensor, cos: &Tensor, sin: &Tensor) -> Result<Tensor> {
    x.contiguous()?
        .apply_op3(&cos.contiguous()?, &sin.contiguous()?, Operation::Rotate { sign: 1.0 })
}

/// A [`super::Mask`] as tensors on the device.
#[derive(Clone, Debug)]
pub(super) struct DeviceMask {
    /// `[batch, keys]` (u32)
    pub segments: Tensor,
    /// `[batch, queries]` (u32): the key position of each query.
    pub queries: Tensor,
    pub causal: bool,
}

/// `softmax(scale * scores)` of `scores` `[batch, heads, queries, keys]` over the visible keys.
pub(super) fn masked_softmax(scores: &Tensor, mask: &DeviceMask, scale: f64) -> Result<Tensor> {
    let operation = Operation::MaskedSoftmax {
        causal: mask.causal,
        scale: scale as f32,
    };
    scores.contiguous()?.apply_op3(&mask.segments, &mask.queries, operation)
}

/// Log-probabilities `[n]` (f32) of `targets` `[n]` (u32) under `logits` `[n, vocabulary]`; NaN for a target outside
/// the vocabulary.
pub(super) fn log_likelihoods(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    let targets = targets.to_dtype(DType::U32)?.contiguous()?;
    logits
        .contiguous()?
        .apply_op3(&targets, &targets, Operation::LogLikelihood)
}
