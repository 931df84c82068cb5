//! A linear layer, frozen or trained.

use candle_core::backend::BackendStorage;
use candle_core::{
    CpuStorage, CudaStorage, CustomOp1, CustomOp2, DType, Layout, Module, Result, Shape, Storage, Tensor, bail, op,
};

use super::backend::Backend;
use super::cpu::{Matrix, Real, Threads, matrix_product, slice, with_slices};
use super::cuda;

/// `y = x W^T + b` over the last dimension.
///
/// A frozen layer returns the input's gradient only: candle's own matrix product would also compute, and keep, a
/// gradient as large as the weight.
#[derive(Clone, Debug)]
pub struct Linear {
    /// `[out, in]`
    weight: Tensor,
    /// `[out]`
    bias: Option<Tensor>,
    trained: bool,
}

impl Linear {
    /// A layer whose weight `[out, in]` and bias `[out]` get no gradient.
    #[must_use]
    pub fn frozen(weight: Tensor, bias: Option<Tensor>) -> Self {
        Self::new(weight, bias, false)
    }

    /// A layer whose weight `[out, in]` and bias `[out]` are variables of the graph where `trained`, else [`Self::frozen`].
    #[must_use]
    pub fn new(weight: Tensor, bias: Option<Tensor>, trained: bool) -> Self {
        Self { weight, bias, trained }
    }

    /// `[out, in]`
    #[must_use]
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// `[out]`
    #[must_use]
    pub fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }

    /// Whether its parameters get no gradient.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        !self.trained
    }

    /// Applies the layer to `x` `[.., in]`, giving `[.., out]`.
    ///
    /// # Errors
    /// Where shapes, dtypes or devices differ.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (rows, dims) = self.rows(x)?;
        if let (false, Some(bias)) = (rows.track_op() || !self.on_kernels(x), &self.bias) {
            return cuda::biased(&rows.matmul(&self.weight.t()?)?, Some(bias), None)?.reshape(dims);
        }
        let y = if self.trained {
            let y = rows.matmul(&self.weight.t()?)?;
            match &self.bias {
                Some(bias) => y.broadcast_add(bias)?,
                None => y,
            }
        } else {
            rows.apply_op1(FrozenLinear {
                weight: self.weight.clone(),
                bias: self.bias.clone(),
            })?
        };
        y.reshape(dims)
    }

    /// Like [`Self::forward`], but where CUDA kernels can add it on their way, the bias is not yet added, and returned
    /// instead.
    ///
    /// # Errors
    /// Where shapes, dtypes or devices differ.
    pub(super) fn forward_apart(&self, x: &Tensor) -> Result<(Tensor, Option<&Tensor>)> {
        if self.on_kernels(x) && !x.track_op() {
            let (rows, dims) = self.rows(x)?;
            return Ok((rows.matmul(&self.weight.t()?)?.reshape(dims)?, self.bias.as_ref()));
        }
        Ok((self.forward(x)?, None))
    }

    /// `residual + forward(x)`; `residual` has the result's shape.
    ///
    /// # Errors
    /// Where shapes, dtypes or devices differ.
    pub fn forward_onto(&self, x: &Tensor, residual: &Tensor) -> Result<Tensor> {
        let on_kernels = self.on_kernels(x) && !x.track_op() && !residual.track_op();
        if self.trained || (Backend::of(x) != Backend::Fused && !on_kernels) {
            return residual + self.forward(x)?;
        }
        let (rows, dims) = self.rows(x)?;
        if residual.dims() != dims {
            bail!("a residual {:?} for a result {dims:?}", residual.shape());
        }
        if on_kernels {
            let (residual, weight) = (
                residual.contiguous()?.reshape(((), dims[dims.len() - 1]))?,
                self.weight.t()?,
            );
            let y = match &self.bias {
                Some(bias) => cuda::biased(&rows.matmul(&weight)?, Some(bias), Some(&residual))?,
                None => cuda::accumulate(residual.copy()?, &rows, &weight)?,
            };
            return y.reshape(dims);
        }
        let op = FrozenLinear {
            weight: self.weight.clone(),
            bias: self.bias.clone(),
        };
        let residual = residual.contiguous()?.reshape(((), dims[dims.len() - 1]))?;
        rows.apply_op2(&residual, op)?.reshape(dims)
    }

    /// Whether the layer is frozen and `x` is for the CUDA kernels. They have no part in a graph here: there, the plain
    /// form serves.
    fn on_kernels(&self, x: &Tensor) -> bool {
        !self.trained && Backend::of(x) == Backend::Kernels
    }

    /// `x` as `[rows, in]`, contiguous, and the result's shape.
    fn rows(&self, x: &Tensor) -> Result<(Tensor, Vec<usize>)> {
        let width = x.dim(candle_core::D::Minus1)?;
        let (out, input) = self.weight.dims2()?;
        if width != input {
            bail!("a linear layer of {input} inputs got {width}");
        }
        let mut dims = x.dims().to_vec();
        let last = dims.len() - 1;
        dims[last] = out;
        Ok((x.contiguous()?.reshape(((), input))?, dims))
    }
}

impl Module for Linear {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Linear::forward(self, x)
    }
}

struct FrozenLinear {
    weight: Tensor,
    bias: Option<Tensor>,
}

impl FrozenLinear {
    /// The fused CPU form. The product is accumulated onto the bias. It avoids candle's own product, which asks the
    /// system for the number of processors on each call.
    fn forward<T: Real>(&self, x: &[T], rows: usize, residual: Option<&[T]>) -> Result<Vec<T>> {
        let (out, input) = self.weight.dims2()?;
        let product = |weight: &[T], bias: Option<&[T]>| {
            let mut y = match (residual, bias) {
                (None, None) => vec![T::of(0.0); rows * out],
                (None, Some(bias)) => bias.repeat(rows),
                (Some(residual), None) => residual.to_vec(),
                (Some(residual), Some(bias)) => {
                    let sums = residual.chunks(out).flat_map(|row| row.iter().zip(bias));
                    sums.map(|(&residual, &bias)| residual + bias).collect()
                }
            };
            let (x, weight) = (
                Matrix::contiguous(x, rows, input),
                Matrix::contiguous(weight, out, input),
            );
            let how = (residual.is_some() || bias.is_some(), T::of(1.0), Threads::All);
            matrix_product(&mut y, out, how, (x, false), (weight, true));
            y
        };
        match &self.bias {
            Some(bias) => with_slices(&[&self.weight, bias], |s| Ok(product(s[0], Some(s[1])))),
            None => with_slices(&[&self.weight], |s| Ok(product(s[0], None))),
        }
    }

    fn backward(&self, grad: &Tensor) -> Result<Tensor> {
        match (Backend::of(grad), grad.dtype()) {
            (Backend::Fused, DType::F64) => self.fused_backward::<f64>(grad),
            (Backend::Fused, _) => self.fused_backward::<f32>(grad),
            (Backend::Kernels | Backend::Plain, _) => grad.matmul(&self.weight),
        }
    }

    fn fused_backward<T: Real>(&self, grad: &Tensor) -> Result<Tensor> {
        let (rows, out) = grad.dims2()?;
        let input = self.weight.dims2()?.1;
        let d = with_slices::<T, _>(&[grad, &self.weight], |s| {
            let mut d = vec![T::of(0.0); rows * input];
            let (grad, weight) = (
                Matrix::contiguous(s[0], rows, out),
                Matrix::contiguous(s[1], out, input),
            );
            let how = (false, T::of(1.0), Threads::All);
            matrix_product(&mut d, input, how, (grad, false), (weight, false));
            Ok(d)
        })?;
        Tensor::from_vec(d, (rows, input), grad.device())
    }

    /// `x` is `[rows, in]`, contiguous.
    fn plain<S: BackendStorage>(
        &self,
        x: &S,
        x_layout: &Layout,
        operand: impl for<'a> Fn(&'a Storage) -> Result<&'a S>,
    ) -> Result<(S, Shape)> {
        let (rows, input) = x_layout.shape().dims2()?;
        let (weight, weight_layout) = self.weight.storage_and_layout();
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

impl CustomOp1 for FrozenLinear {
    fn name(&self) -> &'static str {
        "frozen-linear"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
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
        Ok((y, Shape::from((rows, self.weight.dim(0)?))))
    }

    fn cuda_fwd(&self, x: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
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
