//! The optimiser's arithmetic as CUDA kernels, in place; other devices have the plain operations of `engine/adamw.rs`.

use candle_core::{Result, Tensor};

use super::backend::Backend;
use super::cuda;

pub use cuda::AdamStep;

/// One step of AdamW of `parameter` with `moments`, the mean of its gradients and that of their squares, all f32 and of one
/// shape. Returns false, and does nothing, where there is no kernel for it. It takes no memory, so it cannot fail half way
/// for lack of it.
///
/// # Errors
/// Where shapes differ or the device fails.
pub fn adamw_in_place(parameter: &Tensor, grad: &Tensor, moments: (&Tensor, &Tensor), step: AdamStep) -> Result<bool> {
    if Backend::of(parameter) != Backend::Kernels {
        return Ok(false);
    }
    cuda::adamw(parameter, &grad.contiguous()?, moments, step)?;
    Ok(true)
}

/// The sum of the squares of all `tensors` (f32); `None` where there is no kernel for it. The host waits for the device
/// once.
///
/// # Errors
/// Where the device fails.
pub fn sum_of_squares(tensors: &[&Tensor]) -> Result<Option<f64>> {
    if tensors.is_empty() || tensors.iter().any(|x| Backend::of(x) != Backend::Kernels) {
        return Ok(None);
    }
    let mut sums = None;
    for tensor in tensors {
        sums = Some(cuda::squares(tensor, sums.as_ref())?);
    }
    let sums = sums.map(|sums| sums.to_vec1::<f32>()).transpose()?;
    Ok(sums.map(|sums| sums.into_iter().map(f64::from).sum()))
}
