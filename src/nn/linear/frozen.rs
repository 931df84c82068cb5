//! A frozen linear layer as one operation of the graph, which gives the input's gradient only.

use candle_core::backend::BackendStorage;
use candle_core::{
    CpuStorage, CudaStorage, CustomOp1, CustomOp2, DType, Layout, Result, Shape, Storage, Tensor, bail, op,
};

use crate::nn::backend::Backend;
use crate::nn::cpu::{Matrix, Real, Threads, matrix_product, slice, with_slices};
use crate::nn::known_result::KnownResult;
use crate::nn::weight::{Packed, Weight};

/// Numbers of a packed matrix that are unpacked at a time: on the CPU 64 MiB in f32, where memory is scarcer than time; elsewhere
/// 128 MiB in bf16, which only embeddings and heads exceed. The tests' matrices are small.
const PIECE_ON_CPU: usize = if cfg!(test) { 1 << 16 } else { 1 << 24 };
const PIECE_ON_DEVICE: usize = if cfg!(test) { 1 << 16 } else { 1 << 26 };

/// The rows of a packed matrix that are unpacked at a time, of `piece` numbers.
fn rows_of(piece: usize, columns: usize) -> usize {
    (piece / columns.max(1)).max(1)
}

/// `x W^T` for `x` `[rows, in]`, outside of a graph.
pub(super) fn product(weight: &Weight, x: &Tensor) -> Result<Tensor> {
    let packed = match weight {
        Weight::Dense(weight) => return x.matmul(&weight.t()?),
        Weight::Packed(packed) => packed,
    };
    let parts = parts(packed)?.map(|part| {
        let (from, count) = part;
        x.matmul(&packed.rows(from, count)?.t()?)
    });
    let parts = parts.collect::<Result<Vec<_>>>()?;
    match &parts[..] {
        [one] => Ok(one.clone()),
        parts => Tensor::cat(parts, 1),
    }
}

/// The gradient of `x` from that of `x W^T`: `grad W`.
fn product_backward(weight: &Weight, grad: &Tensor) -> Result<Tensor> {
    let packed = match weight {
        Weight::Dense(weight) => return grad.matmul(weight),
        Weight::Packed(packed) => packed,
    };
    let mut sum: Option<Tensor> = None;
    for (from, count) in parts(packed)? {
        let part = grad
            .narrow(1, from, count)?
            .contiguous()?
            .matmul(&packed.rows(from, count)?)?;
        sum = Some(match sum {
            Some(sum) => (sum + part)?,
            None => part,
        });
    }
    match sum {
        Some(sum) => Ok(sum),
        None => bail!("a linear layer without rows"),
    }
}

/// The first row and the number of rows of each piece.
fn parts(packed: &Packed) -> Result<impl Iterator<Item = (usize, usize)>> {
    let (rows, columns) = packed.dims();
    if rows == 0 {
        bail!("a linear layer without rows");
    }
    let at_once = rows_of(PIECE_ON_DEVICE, columns);
    let begins = (0..rows).step_by(at_once);
    Ok(begins.map(move |from| (from, at_once.min(rows - from))))
}

/// The layer, forward and backward.
pub(super) struct FrozenLinear {
    pub weight: Weight,
    pub bias: Option<Tensor>,
    /// The result, if it is known already: that of a packed weight which is not for the fused CPU form.
    pub result: Option<KnownResult>,
}

impl FrozenLinear {
    /// The fused CPU form. The product is accumulated onto the bias. It avoids candle's own product, which asks the
    /// system for the number of processors on each call.
    fn forward<T: Real>(&self, x: &[T], rows: usize, residual: Option<&[T]>) -> Result<Vec<T>> {
        let out = self.weight.dims()?.0;
        let mut y = match &self.bias {
            Some(bias) => with_slices(&[bias], |s| Ok(beginning(residual, Some(s[0]), rows * out)))?,
            None => beginning(residual, None, rows * out),
        };
        let onto = residual.is_some() || self.bias.is_some();
        self.with_pieces(|from, weight: Matrix<'_, T>| {
            let x = Matrix::contiguous(x, rows, weight.columns);
            let how = (onto, T::of(1.0), Threads::All);
            matrix_product(&mut y[from..], out, how, (x, false), (weight, true));
        })?;
        Ok(y)
    }

    /// Calls `f` with the weight, in pieces of whole rows if it is packed, and with the first row of each.
    fn with_pieces<T: Real>(&self, mut f: impl FnMut(usize, Matrix<'_, T>)) -> Result<()> {
        let (out, input) = self.weight.dims()?;
        match &self.weight {
            Weight::Dense(weight) => with_slices(&[weight], |s| {
                f(0, Matrix::contiguous(s[0], out, input));
                Ok(())
            }),
            Weight::Packed(packed) => packed.pieces(rows_of(PIECE_ON_CPU, input), |from, numbers| {
                let count = numbers.len() / input.max(1);
                f(from, Matrix::contiguous(numbers, count, input));
            }),
        }
    }

    fn backward(&self, grad: &Tensor) -> Result<Tensor> {
        match (Backend::of(grad), grad.dtype()) {
            (Backend::Fused, DType::F64) => self.fused_backward::<f64>(grad),
            (Backend::Fused, _) => self.fused_backward::<f32>(grad),
            (Backend::Kernels | Backend::Plain, _) => product_backward(&self.weight, grad),
        }
    }

    fn fused_backward<T: Real>(&self, grad: &Tensor) -> Result<Tensor> {
        let (rows, out) = grad.dims2()?;
        let input = self.weight.dims()?.1;
        let mut d = vec![T::of(0.0); rows * input];
        with_slices::<T, _>(&[grad], |s| {
            self.with_pieces(|from, weight: Matrix<'_, T>| {
                let grad = Matrix {
                    data: s[0].get(from..).unwrap_or_default(),
                    rows,
                    columns: weight.rows,
                    stride: out,
                };
                let how = (from > 0, T::of(1.0), Threads::All);
                matrix_product(&mut d, input, how, (grad, false), (weight, false));
            })
        })?;
        Tensor::from_vec(d, (rows, input), grad.device())
    }

    /// candle's own product with a dense weight; `x` is `[rows, in]`, contiguous.
    fn plain<S: BackendStorage>(
        &self,
        x: &S,
        x_layout: &Layout,
        operand: impl for<'a> Fn(&'a Storage) -> Result<&'a S>,
    ) -> Result<(S, Shape)> {
        let Weight::Dense(weight) = &self.weight else {
            bail!("the result of a packed layer is not there");
        };
        let (rows, input) = x_layout.shape().dims2()?;
        let (weight, weight_layout) = weight.storage_and_layout();
        let out = weight_layout.dims()[0];
        let mut y = x.matmul(
            operand(&weight)?,
            (1, rows, out, input),
            x_layout,
            &weight_layout.transpose(0, 1)?,
        )?;
        let shape = Shape::from((rows, out));
        if let Some(bias) = &self.bias {
            let (bias, bias_layout) = bias.storage_and_layout();
            let layout = Layout::contiguous(&shape);
            y = y.binary_impl::<op::Add>(operand(&bias)?, &layout, &bias_layout.broadcast_as(&shape)?)?;
        }
        Ok((y, shape))
    }
}

/// What the product is accumulated onto: the residual and the bias, or zeros.
fn beginning<T: Real>(residual: Option<&[T]>, bias: Option<&[T]>, count: usize) -> Vec<T> {
    match (residual, bias) {
        (None, None) => vec![T::of(0.0); count],
        (None, Some(bias)) => bias.repeat(count / bias.len().max(1)),
        (Some(residual), None) => residual.to_vec(),
        (Some(residual), Some(bias)) => {
            let rows = residual.chunks(bias.len().max(1));
            let sums = rows.flat_map(|row| row.iter().zip(bias));
            sums.map(|(&residual, &bias)| residual + bias).collect()
        }
    }
}

impl CustomOp1 for FrozenLinear {
    fn name(&self) -> &'static str {
        "frozen-linear"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        if let Some(result) = &self.result {
            return result.on_cpu();
        }
        let rows = layout.dims()[0];
        let y = match x {
            CpuStorage::F32(_) => CpuStorage::F32(self.forward(slice(x, layout)?, rows, None)?),
            CpuStorage::F64(_) => CpuStorage::F64(self.forward(slice(x, layout)?, rows, None)?),
            _ => {
                return self.plain(x, layout, |storage| match storage {
                    Storage::Cpu(storage) => Ok(storage),
                    _ => bail!("the input is on the CPU, the weight is not"),
                });
            }
        };
        Ok((y, Shape::from((rows, self.weight.dims()?.0))))
    }

    fn cuda_fwd(&self, x: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        if let Some(result) = &self.result {
            return result.on_cuda();
        }
        self.plain(x, layout, |storage| match storage {
            Storage::Cuda(storage) => Ok(storage),
            _ => bail!("the input is on a CUDA device, the weight is not"),
        })
    }

    fn bwd(&self, _x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(self.backward(&grad.contiguous()?)?))
    }
}

/// The product accumulated onto a residual, on the CPU.
impl CustomOp2 for FrozenLinear {
    fn name(&self) -> &'static str {
        "frozen-linear-onto"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        residual: &CpuStorage,
        layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let rows = x_layout.dims()[0];
        let y = match x {
            CpuStorage::F64(_) => {
                CpuStorage::F64(self.forward(slice(x, x_layout)?, rows, Some(slice(residual, layout)?))?)
            }
            _ => CpuStorage::F32(self.forward(slice(x, x_layout)?, rows, Some(slice(residual, layout)?))?),
        };
        Ok((y, layout.shape().clone()))
    }

    fn bwd(
        &self,
        _x: &Tensor,
        _residual: &Tensor,
        _y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((Some(self.backward(&grad.contiguous()?)?), Some(grad.clone())))
    }
}
