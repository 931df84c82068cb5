//! CPU tensors as slices.

use candle_core::{CpuStorage, Layout, Result, Storage, Tensor, bail};

use super::real::Real;

/// The elements of a contiguous CPU operand.
///
/// # Errors
/// Where it is not contiguous, or of another type.
pub fn slice<'a, T: Real>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [T]> {
    match layout.contiguous_offsets() {
        Some((from, to)) => Ok(&T::cpu_storage_as_slice(storage)?[from..to]),
        None => bail!("a fused operation needs contiguous operands, not {layout:?}"),
    }
}

/// Runs `f` on the elements of contiguous CPU tensors.
///
/// # Errors
/// As [`slice()`], and those of `f`.
pub fn with_slices<T: Real, R>(tensors: &[&Tensor], f: impl FnOnce(&[&[T]]) -> Result<R>) -> Result<R> {
    let guards: Vec<_> = tensors.iter().map(|tensor| tensor.storage_and_layout()).collect();
    let slices = guards
        .iter()
        .map(|(storage, layout)| match &**storage {
            Storage::Cpu(storage) => slice::<T>(storage, layout),
            _ => bail!("a fused operation needs CPU operands"),
        })
        .collect::<Result<Vec<_>>>()?;
    f(&slices)
}
