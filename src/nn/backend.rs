//! Which of three implementations computes an operation.
//!
//! - [`Backend::Fused`]: one CPU operation of our own in place of many of candle's. `norm`, `rope`, `activation`,
//!   `attention`, `loss`, `linear` and `decoder_layer` each hold theirs; `cpu` holds what they are made of.
//! - [`Backend::Kernels`]: our CUDA kernels (`cuda`), for some of these operations.
//! - [`Backend::Plain`]: candle's own differentiable operations, which run on any device and dtype.
//!
//! **Who decides what, and when.** [`Backend::of`] is the only place that looks at a device or a dtype (`Backend::on` for a packed
//! weight, whose dtype is that of what it is unpacked to). An operation
//! asks it at each call, for the tensor that it is called with, and matches on the answer; an operation that lacks the
//! form (no kernel, or a parameter that is trained) takes the plain one, which it says in that `match`. The kernels
//! take part only once they are trusted: when a CUDA device is opened, `probe` compiles them, compares each with its
//! plain form, and reports the verdict to [`judge_kernels`]. The first verdict holds until the process ends. Until
//! then, and after a bad one, tensors on a CUDA device get the plain form.

use std::sync::OnceLock;

use candle_core::{DType, Device, Tensor};

use super::cuda;

/// An implementation of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Backend {
    /// Our fused CPU operations.
    Fused,
    /// Our CUDA kernels.
    Kernels,
    /// candle's own operations.
    Plain,
}

/// Whether the kernels work on this machine; the reason where they do not.
type Verdict = Result<(), String>;

static KERNELS: OnceLock<Verdict> = OnceLock::new();

impl Backend {
    /// The implementation for operations on `x`.
    pub(super) fn of(x: &Tensor) -> Self {
        Self::on(x.device(), x.dtype())
    }

    /// The implementation for operations in `dtype` on `device`.
    pub(super) fn on(device: &Device, dtype: DType) -> Self {
        let emulated = cuda::is_emulated();
        let kernels = emulated || (device.is_cuda() && matches!(KERNELS.get(), Some(Ok(()))));
        match dtype {
            DType::F32 | DType::F64 if device.is_cpu() && !emulated => Self::Fused,
            DType::F32 | DType::BF16 if kernels => Self::Kernels,
            _ => Self::Plain,
        }
    }
}

/// The verdict on the kernels. Only the first call judges.
pub(super) fn judge_kernels(judge: impl FnOnce() -> Verdict) -> &'static Verdict {
    KERNELS.get_or_init(judge)
}
