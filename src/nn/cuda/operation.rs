//! What the kernels compute, the launch of each, and which kernel is the gradient of which.

use candle_core::{CpuStorage, CustomOp3, DType, Layout, Result, Shape, Tensor, bail};

use super::launch::{Launch, Work};

/// An operation of `kernels.cu`, with the parameters that are not operands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Operation {
    RmsNorm { eps: f32 },
    RmsNormBackward { eps: f32 },
    SwiGlu,
    SwiGluBackward,
    Rotate { sign: f32 },
    MaskedSoftmax { causal: bool, scale: f32 },
    MaskedSoftmaxBackward { scale: f32 },
    LogLikelihood,
    LogLikelihoodBackward,
}

impl Operation {
    /// The launch for operands with these layouts; `dtype` is the first operand's.
    ///
    /// # Errors
    /// If the operands are not contiguous, do not fit one another, or are too large.
    pub fn launch(self, operands: [&Layout; 3], dtype: DType) -> Result<Launch> {
        if operands.iter().any(|layout| !layout.is_contiguous()) {
            bail!("{self:?} needs contiguous operands");
        }
        let [first, second, third] = operands.map(Layout::shape);
        let small = |n: usize| u32::try_from(n).map_err(|_| candle_core::Error::msg(format!("{n} is too large")));
        let all = small(first.elem_count())?;
        let width = first.dims().last().copied().unwrap_or(1);
        let rows = first.elem_count() / width.max(1);
        let (n_rows, n_width) = (small(rows)?, small(width)?);
        let start = |kernel, numbers: &[u32], real, work| {
            let mut launch = Launch {
                kernel,
                numbers: [0; 6],
                real,
                work,
                output: first.clone(),
                dtype,
            };
            launch.numbers[..numbers.len()].copy_from_slice(numbers);
            launch
        };
        let by_row = |kernel, real| start(kernel, &[n_rows, n_width], real, Work::Rows(n_rows));
        let fits = |holds: bool| {
            if holds {
                Ok(())
            } else {
                bail!("{self:?} of {first:?}, {second:?} and {third:?}")
            }
        };
        Ok(match self {
            Self::RmsNorm { eps } => {
                fits(second.elem_count() == width)?;
                by_row("rms_norm", eps)
            }
            Self::RmsNormBackward { eps } => {
                fits(second.elem_count() == width && third == first)?;
                by_row("rms_norm_backward", eps)
            }
            Self::SwiGlu => {
                fits(second == first)?;
                start("swiglu", &[all], 0.0, Work::Elements(all))
            }
            Self::SwiGluBackward => {
                fits(second == first && third == first)?;
                let mut launch = start("swiglu_backward", &[all], 0.0, Work::Elements(all));
                launch.output = Shape::from([&[2], first.dims()].concat());
                launch
            }
            Self::Rotate { sign } => {
                let (batch, tokens, heads, width) = first.dims4()?;
                fits(second == third && second.dims3()? == (batch, tokens, width / 2) && width % 2 == 0)?;
                let numbers = [small(batch * tokens)?, small(heads)?, small(width / 2)?];
                start("rotate", &numbers, sign, Work::Elements(all / 2))
            }
            Self::MaskedSoftmax { causal, scale } => {
                let (batch, heads, queries, keys) = first.dims4()?;
                fits(second.dims2()? == (batch, keys) && third.dims2()? == (batch, queries))?;
                let numbers = [batch, heads, queries, keys, usize::from(causal)];
                let numbers = numbers.into_iter().map(small).collect::<Result<Vec<_>>>()?;
                start("masked_softmax", &numbers, scale, Work::Rows(n_rows))
            }
            Self::MaskedSoftmaxBackward { scale } => {
                fits(second == first)?;
                by_row("masked_softmax_backward", scale)
            }
            Self::LogLikelihood => {
                fits(first.dims().len() == 2 && second.dims() == [rows])?;
                let mut launch = by_row("log_likelihood", 0.0);
                (launch.output, launch.dtype) = (Shape::from(rows), DType::F32);
                launch
            }
            Self::LogLikelihoodBackward => {
                fits(first.dims().len() == 2 && second.dims() == [rows] && third.dims() == [2, rows])?;
                by_row("log_likelihood_backward", 0.0)
            }
        })
    }

    fn of(self, first: &Tensor, second: &Tensor, third: &Tensor) -> Result<Tensor> {
        first.contiguous()?.apply_op3_no_bwd(second, third, &self)
    }
}

impl CustomOp3 for Operation {
    fn name(&self) -> &'static str {
        "cuda-kernel"
    }

    #[cfg(not(test))]
    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        bail!("{self:?} is for CUDA devices")
    }

    #[cfg(test)]
    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        a_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
        c: &CpuStorage,
        c_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        use candle_core::backend::BackendStorage;
        let launch = self.launch([a_layout, b_layout, c_layout], a.dtype())?;
        let y = super::emulated::run(&launch, [(a, a_layout), (b, b_layout), (c, c_layout)])?;
        Ok((y, launch.output))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        a: &candle_core::CudaStorage,
        a_layout: &Layout,
        b: &candle_core::CudaStorage,
        b_layout: &Layout,
        c: &candle_core::CudaStorage,
        c_layout: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        use candle_core::backend::BackendStorage;
        let launch = self.launch([a_layout, b_layout, c_layout], a.dtype())?;
        let y = super::device::run(&launch, [(a, a_layout), (b, b_layout), (c, c_layout)])?;
        Ok((y, launch.output))
    }

    /// Weights, tables, masks and targets are constants without gradients. Second-order gradients are not needed.
    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        c: &Tensor,
        y: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        Ok(match *self {
            Self::RmsNorm { eps } => (Some(Self::RmsNormBackward { eps }.of(a, b, &grad)?), None, None),
            Self::SwiGlu => {
                let both = Self::SwiGluBackward.of(a, b, &grad)?;
                (Some(both.get(0)?), Some(both.get(1)?), None)
            }
            Self::Rotate { sign } => (Some(Self::Rotate { sign: -sign }.of(&grad, b, c)?), None, None),
            Self::MaskedSoftmax { scale, .. } => {
                let dx = Self::MaskedSoftmaxBackward { scale }.of(y, &grad, &grad)?;
                (Some(dx), None, None)
            }
            Self::LogLikelihood => {
                let of_rows = Tensor::stack(&[y, &grad], 0)?;
                (Some(Self::LogLikelihoodBackward.of(a, b, &of_rows)?), None, None)
            }
            _ => bail!("{self:?} has no gradient"),
        })
    }
}
