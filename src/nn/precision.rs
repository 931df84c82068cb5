//! In which number format elementwise work is done.

use candle_core::{DType, Result, Tensor};

/// f64 stays; anything else is computed in f32: half precision keeps too few bits for sums, exponentials and products
/// that are rounded one after another.
pub fn wide(dtype: DType) -> DType {
    if dtype == DType::F64 { dtype } else { DType::F32 }
}

/// `x` in the format it is computed in.
///
/// # Errors
/// Where the device fails.
pub fn widened(x: &Tensor) -> Result<Tensor> {
    x.to_dtype(wide(x.dtype()))
}
