//! Matrix products that candle has no form of, by cuBLAS: onto what is there, and of bf16 into f32.

#[cfg(feature = "cuda")]
mod blas;

use candle_core::{DType, Result, Storage, Tensor, bail};

/// `sum + x w` for `x` `[rows, in]`, contiguous, and `w` `[in, out]`, contiguous or the transposed view of a contiguous
/// matrix. `sum` `[rows, out]` is contiguous, has no graph, and must not be used any more: a CUDA device adds to it in
/// place, and rounds once.
///
/// # Errors
/// Where shapes, dtypes or devices differ, and where the device fails.
pub fn accumulate(sum: Tensor, x: &Tensor, w: &Tensor) -> Result<Tensor> {
    let ((rows, input), (w_input, out)) = (x.dims2()?, w.dims2()?);
    let laid_out = x.is_contiguous() && sum.is_contiguous() && (w.is_contiguous() || w.t()?.is_contiguous());
    if w_input != input || sum.dims() != [rows, out] || !laid_out {
        bail!(
            "the product of {:?} and {:?} onto {:?}",
            x.shape(),
            w.shape(),
            sum.shape()
        );
    }
    if sum.elem_count() == 0 {
        return Ok(sum);
    }
    if !is_on_device(&sum) {
        return sum + x.matmul(w)?;
    }
    #[cfg(feature = "cuda")]
    blas::accumulate(&sum, x, w)?;
    Ok(sum)
}

/// The product in f32 of `a` `[.., rows, in]` and `b` `[.., in, columns]`, in f32 or bf16, with no or two dimensions of
/// matrices: its sums are not rounded to the operands' format. No graph.
///
/// # Errors
/// As [`accumulate`].
pub fn product_in_f32(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if a.dtype() != DType::BF16 {
        return a.matmul(b);
    }
    if !is_on_device(a) || a.elem_count() == 0 || b.elem_count() == 0 {
        return a.to_dtype(DType::F32)?.matmul(&b.to_dtype(DType::F32)?);
    }
    #[cfg(feature = "cuda")]
    return blas::product_in_f32(a, b);
    #[cfg(not(feature = "cuda"))]
    bail!("this program was built without CUDA")
}

fn is_on_device(x: &Tensor) -> bool {
    matches!(*x.storage_and_layout().0, Storage::Cuda(_))
}
