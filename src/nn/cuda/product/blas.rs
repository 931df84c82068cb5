//! The products' calls of cuBLAS.

use candle_core::cuda_backend::cudarc::cublas::{result, sys};
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaStream, DevicePtr, DevicePtrMut, SyncOnDrop};
use candle_core::cuda_backend::{CudaStorageSlice, gemm_reduced_precision_bf16, gemm_reduced_precision_f32};
use candle_core::op::BackpropOp;
use candle_core::{CudaDevice, CudaStorage, DType, Layout, Result, Storage, Tensor, bail};

/// One operand of a product: a matrix, or a batch of them.
struct Operand<'a> {
    address: u64,
    /// Numbers from one row to the next, or of the transposed matrix.
    leading: usize,
    transposed: bool,
    /// Numbers from one matrix to the next.
    stride: usize,
    /// Until the product is started.
    _held: SyncOnDrop<'a>,
}

/// Batch, rows, inner width and columns.
type Sizes = (usize, usize, usize, usize);

/// `sum += x w`, whose shapes and layouts have been checked.
pub fn accumulate(sum: &Tensor, x: &Tensor, w: &Tensor) -> Result<()> {
    let ((rows, input), out) = (x.dims2()?, w.dim(1)?);
    let held = [sum, x, w].map(Tensor::storage_and_layout);
    let [(sum, sum_layout), (x, x_layout), (w, w_layout)] = &held;
    let (Storage::Cuda(to), Storage::Cuda(x), Storage::Cuda(w)) = (&**sum, &**x, &**w) else {
        bail!("the operands of a product are not all on the CUDA device");
    };
    let stream = to.device.cuda_stream();
    let to_operand = operand(to, sum_layout, &stream)?;
    let operands = (operand(x, x_layout, &stream)?, operand(w, w_layout, &stream)?);
    let dtype = of_all(&[to, x, w])?;
    start(
        &to.device,
        (1, rows, input, out),
        operands,
        (to_operand.address, 1.0),
        (dtype, dtype),
    )
}

/// The product in f32 of two bf16 operands, which are matrices or have two dimensions of matrices.
pub fn product_in_f32(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let (&[ref matrices @ .., rows, inner], &[ref b_matrices @ .., b_inner, columns]) = (a.dims(), b.dims()) else {
        bail!("the product of {:?} and {:?}", a.shape(), b.shape());
    };
    if matrices != b_matrices || inner != b_inner {
        bail!("the product of {:?} and {:?}", a.shape(), b.shape());
    }
    let count: usize = matrices.iter().product();
    let shape = [matrices, &[rows, columns]].concat();
    let held = [a, b].map(Tensor::storage_and_layout);
    let [(a, a_layout), (b, b_layout)] = &held;
    let (Storage::Cuda(a), Storage::Cuda(b)) = (&**a, &**b) else {
        bail!("the operands of a product are not all on the CUDA device");
    };
    let device = &a.device;
    let stream = device.cuda_stream();
    let dtype = of_all(&[a, b])?;
    // SAFETY: the product, which begins at 0, writes all of it.
    let mut product: CudaSlice<f32> = unsafe { device.alloc(count * rows * columns)? };
    let operands = (operand(a, a_layout, &stream)?, operand(b, b_layout, &stream)?);
    let (address, to) = product.device_ptr_mut(&stream);
    start(
        device,
        (count, rows, inner, columns),
        operands,
        (address, 0.0),
        (dtype, DType::F32),
    )?;
    drop(to);
    let storage = Storage::Cuda(CudaStorage {
        slice: CudaStorageSlice::F32(product),
        device: device.clone(),
    });
    Ok(Tensor::from_storage(storage, shape, BackpropOp::none(), false))
}

fn of_all(storages: &[&CudaStorage]) -> Result<DType> {
    if storages.iter().all(|s| matches!(s.slice, CudaStorageSlice::BF16(_))) {
        Ok(DType::BF16)
    } else if storages.iter().all(|s| matches!(s.slice, CudaStorageSlice::F32(_))) {
        Ok(DType::F32)
    } else {
        bail!("a product of numbers in several formats")
    }
}

/// The last two dimensions are the matrix; those before it must be evenly apart.
fn operand<'a>(storage: &'a CudaStorage, layout: &Layout, stream: &'a CudaStream) -> Result<Operand<'a>> {
    let (address, held, bytes) = match &storage.slice {
        CudaStorageSlice::BF16(slice) => {
            let (address, held) = slice.device_ptr(stream);
            (address, held, 2)
        }
        CudaStorageSlice::F32(slice) => {
            let (address, held) = slice.device_ptr(stream);
            (address, held, 4)
        }
        _ => bail!("no product is of these numbers: {:?}", layout.shape()),
    };
    let (dims, strides) = (layout.dims(), layout.stride());
    let (&[.., rows, columns], &[.., of_row, of_column]) = (dims, strides) else {
        bail!("a product of {:?}", layout.shape());
    };
    let (leading, transposed) = if of_column == 1 || columns == 1 {
        (of_row.max(columns), false)
    } else if of_row == 1 || rows == 1 {
        (of_column.max(rows), true)
    } else {
        bail!("a product of a matrix {layout:?}, neither of whose dimensions is contiguous");
    };
    let stride = match (&dims[..dims.len() - 2], &strides[..dims.len() - 2]) {
        ([], []) => 0,
        ([1, _], [_, stride]) | ([_, 1], [stride, _]) => *stride,
        ([_, count], [outer, stride]) if *outer == count * stride => *stride,
        _ => bail!("a product of matrices {layout:?} that are not evenly apart"),
    };
    Ok(Operand {
        address: address + (layout.start_offset() * bytes) as u64,
        leading,
        transposed,
        stride,
        _held: held,
    })
}

/// `to = beta to + x w` in row-major order, with formats of the operands and of the result.
fn start(
    device: &CudaDevice,
    (batch, rows, inner, columns): Sizes,
    (x, w): (Operand<'_>, Operand<'_>),
    (to, beta): (u64, f32),
    (operands, result): (DType, DType),
) -> Result<()> {
    let small = |n: usize| i32::try_from(n).map_err(|_| candle_core::Error::msg(format!("{n} is too large")));
    let kind = |dtype| match dtype {
        DType::BF16 => sys::cudaDataType_t::CUDA_R_16BF,
        _ => sys::cudaDataType_t::CUDA_R_32F,
    };
    let compute = match operands {
        DType::BF16 if gemm_reduced_precision_bf16() => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F_FAST_16BF,
        DType::F32 if gemm_reduced_precision_f32() => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F_FAST_TF32,
        _ => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F,
    };
    let turned = |operand: &Operand<'_>| {
        if operand.transposed {
            sys::cublasOperation_t::CUBLAS_OP_T
        } else {
            sys::cublasOperation_t::CUBLAS_OP_N
        }
    };
    let one = 1.0_f32;
    // SAFETY: the matrices are as large as the sizes say, which the callers have checked, and lie on the device. cuBLAS
    // counts by columns, so that the product is that of the transposed matrices.
    let started = unsafe {
        result::gemm_strided_batched_ex(
            *device.cublas_handle().handle(),
            turned(&w),
            turned(&x),
            small(columns)?,
            small(rows)?,
            small(inner)?,
            (&raw const one).cast(),
            w.address as *const _,
            kind(operands),
            small(w.leading)?,
            w.stride as i64,
            x.address as *const _,
            kind(operands),
            small(x.leading)?,
            x.stride as i64,
            (&raw const beta).cast(),
            to as *mut _,
            kind(result),
            small(columns)?,
            (rows * columns) as i64,
            small(batch)?,
            compute,
            sys::cublasGemmAlgo_t::CUBLAS_GEMM_DEFAULT_TENSOR_OP,
        )
    };
    started.map_err(|error| candle_core::Error::msg(format!("cuBLAS: {error:?}")))
}
