//! The number format of elementwise operations.

use candle_core::{DType, Result, Tensor};

/// f64 stays f64; everything else is computed in f32, because half precision keeps too few bits for sums, exponentials
/// and chains of rounded products.
pub fn wide(dtype: DType) -> DType {
    if dtype == DType::F64 { dtype } else { DType::F32 }
}

/// `x` converted to the format of [`wide`].
///
/// # Errors
/// Where the device fails.
pub fn widened(x: &Tensor) -> Result<Tensor> {
    x.to_dtype(wide(x.dtype()))
}
