//! Our own CUDA kernels (`kernels.cu`), in f32 and bf16: how they are compiled and started, and one function for each.
//!
//! Nothing here decides whether they are used: `backend` does. The same kernels run on the CPU in tests, thread by
//! thread.

#[cfg(feature = "cuda")]
mod device;
#[cfg_attr(
    not(any(test, feature = "cuda")),
    allow(dead_code, reason = "only a build with CUDA starts kernels")
)]
mod differentiable;
#[cfg(test)]
mod emulated;
#[cfg(feature = "cuda")]
mod events;
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
mod product;
#[cfg(any(test, feature = "cuda"))]
mod started;
#[cfg(test)]
mod tests;

use candle_core::{DType, Device, Result, Tensor};

use differentiable::Differentiable;
use operation::Operation;

use super::weight::Format;

pub(super) use product::{accumulate, product_in_f32};

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

/// Makes no events for tensors of `device`, and makes it keep freed memory for the next ones. Returns a message if it does
/// not keep it.
#[cfg(feature = "cuda")]
pub(super) fn configure(device: &Device) -> Option<String> {
    let Device::Cuda(cuda) = device else {
        return None;
    };
    events::without_events(cuda);
    pool::keep_freed_memory(cuda).err().map(|error| {
        format!("this device's driver does not keep freed memory ({error}), so each step allocates its memory again")
    })
}

/// Only CUDA devices have events and a pool of freed memory.
#[cfg(not(feature = "cuda"))]
pub(super) const fn configure(_: &Device) -> Option<String> {
    None
}

/// A device's memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceMemory {
    /// What this process can still get, what it keeps freed included.
    pub free: u64,
    pub total: u64,
}

/// The memory of a CUDA device; `None` for others, and where the driver does not tell.
#[cfg(feature = "cuda")]
#[must_use]
pub fn memory(device: &Device) -> Option<DeviceMemory> {
    let Device::Cuda(cuda) = device else {
        return None;
    };
    let (free, total) = cuda.cuda_stream().context().mem_get_info().ok()?;
    let (free, total, pool::Held { used, kept }) = (free as u64, total as u64, pool::held(cuda));
    Some(DeviceMemory {
        // A pool reserves in large pieces, on a small device more than there is.
        free: (free + kept).min(total.saturating_sub(used)),
        total,
    })
}

/// Without the `cuda` feature there is no such device.
#[cfg(not(feature = "cuda"))]
#[must_use]
pub const fn memory(_: &Device) -> Option<DeviceMemory> {
    None
}

/// Whether this thread treats the CPU as a CUDA device; only tests do.
#[cfg(test)]
pub(super) fn is_emulated() -> bool {
    emulated::EMULATED.get()
}

/// Runs `f` with this thread's CPU treated as a CUDA device.
#[cfg(test)]
pub(super) fn emulated<R>(f: impl FnOnce() -> R) -> R {
    emulated::emulated(f)
}

#[cfg(not(test))]
pub(super) const fn is_emulated() -> bool {
    false
}

/// `operation` of one to three operands as part of the graph; only the first ones of `operands` count.
fn in_graph(operation: Operation, operands: usize, [a, b, c]: [&Tensor; 3]) -> Result<Tensor> {
    a.apply_op3(b, c, Differentiable { operation, operands })
}

/// `x / rms(x) * weight`, for `x` `[.., hidden]` and a frozen `weight` `[hidden]`.
pub(super) fn rms_norm(x: &Tensor, weight: &Tensor, eps: f64) -> Result<Tensor> {
    let (x, weight) = (x.contiguous()?, weight.contiguous()?);
    in_graph(Operation::RmsNorm { eps: eps as f32 }, 2, [&x, &weight, &weight])
}

/// `x + added`, and its RMS norm. No graph.
pub(super) fn add_rms_norm(x: &Tensor, added: &Tensor, weight: &Tensor, eps: f64) -> Result<(Tensor, Tensor)> {
    let (normed, sum) = Operation::AddRmsNorm { eps: eps as f32 }.run_pair([x, added, weight])?;
    Ok((sum, normed))
}

/// The gradient of the RMS norm's input `x`, plus that of a residual if there is one. No graph.
pub(super) fn rms_norm_backward(
    x: &Tensor,
    (weight, eps): (&Tensor, f64),
    grad: &Tensor,
    residual: Option<&Tensor>,
) -> Result<Tensor> {
    Operation::RmsNormBackward { eps: eps as f32 }.run([Some(x), Some(weight), Some(grad), residual])
}

/// `(x - mean) / sd * weight + bias`, for `x` `[.., hidden]`, frozen `weight` and `bias` `[hidden]`.
pub(super) fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, eps: f64) -> Result<Tensor> {
    let (x, weight, bias) = (x.contiguous()?, weight.contiguous()?, bias.contiguous()?);
    in_graph(Operation::LayerNorm { eps: eps as f32 }, 3, [&x, &weight, &bias])
}

/// GELU: its tanh form where `tangent`, else `x sigmoid(1.702 x)`.
pub(super) fn gelu(x: &Tensor, tangent: bool) -> Result<Tensor> {
    let x = x.contiguous()?;
    in_graph(Operation::Gelu { tangent, wide: false }, 1, [&x, &x, &x])
}

/// [`gelu`] of `x + bias`, with a bias `[width]`, in whose format the result is. `x` may be in f32. No graph.
pub(super) fn biased_gelu(x: &Tensor, bias: &Tensor, tangent: bool) -> Result<Tensor> {
    let wide = is_wide(x, Some(bias));
    Operation::Gelu { tangent, wide }.run([Some(&x.contiguous()?), Some(bias), None, None])
}

/// `y` `[rows, width]` plus a bias `[width]` and a residual of the same shape, if these are given. `y` may be in f32 where
/// these, and so the result, are in bf16. No graph.
pub(super) fn biased(y: &Tensor, bias: Option<&Tensor>, residual: Option<&Tensor>) -> Result<Tensor> {
    let wide = is_wide(y, bias.or(residual));
    Operation::Biased { wide }.run([Some(y), bias, residual, None])
}

/// Whether `x` is in f32, and its result, in the format of `other`, is not.
fn is_wide(x: &Tensor, other: Option<&Tensor>) -> bool {
    x.dtype() == DType::F32 && other.is_some_and(|other| other.dtype() == DType::BF16)
}

/// `silu(gate) * up`, both `[.., width]`.
pub(super) fn swiglu(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    let (gate, up) = (gate.contiguous()?, up.contiguous()?);
    in_graph(Operation::SwiGlu, 2, [&gate, &up, &gate])
}

/// The gradients of `gate` and `up`. No graph.
pub(super) fn swiglu_backward(gate: &Tensor, up: &Tensor, grad: &Tensor) -> Result<(Tensor, Tensor)> {
    Operation::SwiGluBackward.run_pair([gate, up, grad])
}

/// `x` `[batch, tokens, heads, head_dim]` rotated by the tables `[batch, tokens, head_dim / 2]` (f32).
pub(super) fn rotate(x: &Tensor, cos: &Tensor, sin: &Tensor) -> Result<Tensor> {
    let (x, cos, sin) = (x.contiguous()?, cos.contiguous()?, sin.contiguous()?);
    in_graph(Operation::Rotate { sign: 1.0 }, 3, [&x, &cos, &sin])
}

/// What [`heads_major`] does to the heads on the way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OnTheWay<'a> {
    /// `[heads * head_dim]`, added first.
    pub bias: Option<&'a Tensor>,
    /// `[2, batch, tokens, head_dim / 2]` (f32): cosines and sines of a rotation.
    pub tables: Option<&'a Tensor>,
    /// `[1, past, heads, head_dim]`: tokens that precede each sequence.
    pub past: Option<&'a Tensor>,
}

/// `x` `[batch, tokens, heads, head_dim]` as `[batch, heads, past + tokens, head_dim]`. The rows of `x` may be parts of
/// wider ones; they may be in f32 where the bias, and so the result, is in bf16. No graph.
pub(super) fn heads_major(x: &Tensor, on_the_way: OnTheWay<'_>) -> Result<Tensor> {
    let (rotated, OnTheWay { bias, tables, past }) = (x.dim(2)?, on_the_way);
    let wide = is_wide(x, bias);
    Operation::HeadsMajor { rotated, wide }.run([Some(x), bias, tables, past])
}

/// Queries, keys and values side by side `[1, tokens, 3 heads, head_dim]` as `[1, heads, tokens, head_dim]` each, the former
/// two rotated if there are tables. `x` as for [`heads_major`]. No graph.
pub(super) fn joined_heads(x: &Tensor, bias: Option<&Tensor>, tables: Option<&Tensor>) -> Result<[Tensor; 3]> {
    let (heads, wide) = (x.dim(2)? / 3, is_wide(x, bias));
    let rotated = 2 * heads;
    let all = Operation::HeadsMajor { rotated, wide }.run([Some(x), bias, tables, None])?;
    let part = |i: usize| all.narrow(1, i * heads, heads);
    Ok([part(0)?, part(1)?, part(2)?])
}

/// `x` `[batch, heads, tokens, head_dim]` as `[batch, tokens, heads, head_dim]`, without each sequence's first `skipped`
/// tokens and rotated back by the tables. No graph.
pub(super) fn token_major(x: &Tensor, tables: Option<&Tensor>, skipped: usize) -> Result<Tensor> {
    Operation::TokenMajor { skipped, sign: -1.0 }.run([Some(x), tables, None, None])
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

/// `softmax(scale * scores)` of `scores` `[batch, heads, queries, keys]` over the visible keys: all, if there is no mask.
pub(super) fn masked_softmax(scores: &Tensor, mask: Option<&DeviceMask>, scale: f64) -> Result<Tensor> {
    let operation = Operation::MaskedSoftmax {
        causal: mask.is_some_and(|mask| mask.causal),
        scale: scale as f32,
        wide: false,
    };
    let scores = &scores.contiguous()?;
    match mask {
        Some(mask) => in_graph(operation, 3, [scores, &mask.segments, &mask.queries]),
        None => in_graph(operation, 1, [scores; 3]),
    }
}

/// Like [`masked_softmax`], of scores in f32 as weights in bf16. No graph.
pub(super) fn rounded_softmax(scores: &Tensor, mask: Option<&DeviceMask>, scale: f64) -> Result<Tensor> {
    let operation = Operation::MaskedSoftmax {
        causal: mask.is_some_and(|mask| mask.causal),
        scale: scale as f32,
        wide: true,
    };
    let (segments, queries) = (mask.map(|mask| &mask.segments), mask.map(|mask| &mask.queries));
    operation.run([Some(scores), segments, queries, None])
}

/// The gradient of the scores in the format of the softmax's result `weights`, from these and their gradient, which may be
/// in f32. No graph.
pub(super) fn masked_softmax_backward(weights: &Tensor, grad: &Tensor, scale: f64) -> Result<Tensor> {
    let operation = Operation::MaskedSoftmaxBackward {
        scale: scale as f32,
        wide: grad.dtype() == DType::F32,
    };
    operation.run([Some(weights), Some(grad), None, None])
}

/// Log-probabilities `[n]` (f32) of `targets` `[n]` (u32) under `logits` `[n, vocabulary]`; NaN for a target outside
/// the vocabulary.
pub(super) fn log_likelihoods(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    let (logits, targets) = (logits.contiguous()?, targets.to_dtype(DType::U32)?.contiguous()?);
    in_graph(Operation::LogLikelihood, 2, [&logits, &targets, &targets])
}

/// What changes from one step of AdamW to the next.
#[derive(Clone, Copy, Debug)]
pub struct AdamStep {
    /// Scales the gradient.
    pub scale: f64,
    /// The rate, divided by the first moment's correction.
    pub rate: f64,
    /// The inverse square root of the second moment's correction.
    pub inverse_root: f64,
    /// What decay leaves of the parameter.
    pub kept: f64,
}

/// One step of AdamW, in place and without memory of its own: of `parameter`, the mean of its gradients and that of
/// their squares, all f32 and of one shape.
pub(super) fn adamw(
    parameter: &Tensor,
    grad: &Tensor,
    (mean, square): (&Tensor, &Tensor),
    step: AdamStep,
) -> Result<()> {
    let reals = [step.scale, step.rate, step.inverse_root, step.kept].map(|real| real as f32);
    Operation::AdamW { reals }.change([Some(grad), Some(mean), Some(square), None], parameter)
}

/// Sums `[blocks]` of the squares of shares of `x` (f32), onto the sums of other tensors if there are any.
pub(super) fn squares(x: &Tensor, others: Option<&Tensor>) -> Result<Tensor> {
    Operation::Squares.run([Some(&x.contiguous()?), others, None, None])
}

/// The numbers `[count, columns]` in `dtype` of the rows from `from` on; `of_rows` is `(from, count, columns)`, `blocks` a
/// matrix in Q8_0 or Q4_K, as bytes.
pub(super) fn unpack(
    format: Format,
    blocks: &Tensor,
    (from, count, columns): (usize, usize, usize),
    dtype: DType,
) -> Result<Tensor> {
    let operation = Operation::Unpack {
        format,
        columns,
        from,
        count,
        dtype,
    };
    operation.run([Some(blocks), None, None, None])
}

/// The numbers `[rows, columns]` in `dtype` of `rows` (u32), which the matrix has.
pub(super) fn unpack_rows(
    format: Format,
    blocks: &Tensor,
    (rows, columns): (&Tensor, usize),
    dtype: DType,
) -> Result<Tensor> {
    let operation = Operation::Unpack {
        format,
        columns,
        from: 0,
        count: rows.elem_count(),
        dtype,
    };
    operation.run([Some(blocks), Some(rows), None, None])
}
