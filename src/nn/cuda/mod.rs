//! Fused operations on a CUDA device, in f32 and bf16: our own kernels (`kernels.cu`), compiled when the device is
//! opened. If that fails, or if their results differ from candle's own operations, candle's are used instead.
//!
//! The same kernels run on the CPU in tests, thread by thread.

#[cfg(test)]
mod emulated;
#[cfg(feature = "cuda")]
mod launch;
#[cfg_attr(
    not(any(test, feature = "cuda")),
    allow(dead_code, reason = "only a build with CUDA starts kernels")
)]
mod operation;
#[cfg(feature = "cuda")]
mod pool;
#[cfg(any(test, feature = "cuda"))]
mod probe;
#[cfg(test)]
mod tests;

use candle_core::{DType, Device, Result, Tensor};

use operation::Operation;

/// Prepares the kernels for `device`. Returns a message if they cannot be used, or if the driver does not keep freed
/// memory: training is then slower, and without the kernels takes more memory.
#[cfg(feature = "cuda")]
#[must_use]
pub fn prepare(device: &Device) -> Option<String> {
    launch::prepare(device)
}

/// Without the `cuda` feature there is nothing to prepare.
#[cfg(not(feature = "cuda"))]
#[must_use]
pub fn prepare(_: &Device) -> Option<String> {
    None
}

/// Whether the kernels support this tensor.
pub(super) fn serves(x: &Tensor) -> bool {
    matches!(x.dtype(), DType::F32 | DType::BF16) && (is_emulated() || is_ready(x.device()))
}

#[cfg(feature = "cuda")]
fn is_ready(device: &Device) -> bool {
    device.is_cuda() && launch::is_ready()
}

#[cfg(not(feature = "cuda"))]
const fn is_ready(_: &Device) -> bool {
    false
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

/// A [`super::Mask`] on the device.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// `[batch, keys]` (u32)
    pub segments: Tensor,
    /// `[batch, queries]` (u32)
    pub places: Tensor,
    pub causal: bool,
}

/// `softmax(scale * scores)` of `scores` `[batch, heads, queries, keys]` over the visible keys.
pub(super) fn masked_softmax(scores: &Tensor, seen: &Seen, scale: f64) -> Result<Tensor> {
    let operation = Operation::MaskedSoftmax {
        causal: seen.causal,
        scale: scale as f32,
    };
    scores.contiguous()?.apply_op3(&seen.segments, &seen.places, operation)
}

/// Log-probabilities `[n]` (f32) of `targets` `[n]` (u32) under `logits` `[n, vocabulary]`; NaN for a target outside
/// the vocabulary.
pub(super) fn log_likelihoods(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    let targets = targets.to_dtype(DType::U32)?.contiguous()?;
    logits
        .contiguous()?
        .apply_op3(&targets, &targets, Operation::LogLikelihood)
}
