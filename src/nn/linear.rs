//! A linear layer, frozen or trained.

use candle_core::backend::BackendStorage;
use candle_core::{
    CpuStorage, CudaStorage, CustomOp1, Layout, Module, Result, Shape, Storage, Tensor, bail, op,
};

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
        Self {
            weight,
            bias,
            trained: false,
        }
    }

    /// A layer whose weight `[out, in]` and bias `[out]` are variables of the graph.
    #[must_use]
    pub fn trained(weight: Tensor, bias: Option<Tensor>) -> Self {
        Self {
            weight,
            bias,
            trained: true,
        }
    }

    /// `[out, in]`
    #[must_use]
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// Applies the layer to `x` `[.., in]`, giving `[.., out]`.
    ///
    /// # Errors
    /// Where shapes, dtypes or devices differ.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let width = x.dim(candle_core::D::Minus1)?;
        let (out, input) = self.weight.dims2()?;
        if width != input {
            bail!("a linear layer of {input} inputs got {width}");
        }
        let mut dims = x.dims().to_vec();
        let last = dims.len() - 1;
        dims[last] = out;
        let rows = x.contiguous()?.reshape(((), input))?;
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
    /// `x` is `[rows, in]`, contiguous.
    fn product<S: BackendStorage>(
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
            y = y.binary_impl::<op::Add>(
                operand(&bias)?,
                &layout,
                &bias_layout.broadcast_as(&shape)?,
            )?;
        }
        Ok((y, shape))
    }
}

impl CustomOp1 for FrozenLinear {
    fn name(&self) -> &'static str {
        "frozen-linear"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        self.product(x, layout, |storage| match storage {
            Storage::Cpu(storage) => Ok(storage),
            _ => bail!("the input is on the CPU, the weight is not"),
        })
    }

    fn cuda_fwd(&self, x: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        self.product(x, layout, |storage| match storage {
            Storage::Cuda(storage) => Ok(storage),
            _ => bail!("the input is on a CUDA device, the weight is not"),
        })
    }

    fn bwd(&self, _x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(grad.contiguous()?.matmul(&self.weight)?))
    }
}
