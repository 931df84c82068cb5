//! The operations that are part of an autograd graph, and which kernel is the gradient of which.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};

use super::operation::{Operands, Operation};

/// An operation of up to three operands, of which only the first `operands` count.
pub struct Differentiable {
    pub operation: Operation,
    pub operands: usize,
}

impl Differentiable {
    fn given<T>(&self, all: [T; 3]) -> Operands<T> {
        let [a, b, c] = all;
        let given = |place: usize, operand: T| (place < self.operands).then_some(operand);
        [given(0, a), given(1, b), given(2, c), None]
    }
}

impl CustomOp3 for Differentiable {
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
        bail!("{:?} is for CUDA devices", self.operation)
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
        let launch = self
            .operation
            .launch(self.given([a_layout, b_layout, c_layout]), a.dtype())?;
        let y = super::emulated::run(&launch, &self.given([(a, a_layout), (b, b_layout), (c, c_layout)]))?;
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
        let launch = self
            .operation
            .launch(self.given([a_layout, b_layout, c_layout]), a.dtype())?;
        let y = super::device::run(&launch, &self.given([(a, a_layout), (b, b_layout), (c, c_layout)]))?;
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
        let grad = &grad.contiguous()?;
        Ok(match self.operation {
            Operation::RmsNorm { eps } => {
                let dx = Operation::RmsNormBackward { eps }.run([Some(a), Some(b), Some(grad), None])?;
                (Some(dx), None, None)
            }
            Operation::LayerNorm { eps } => {
                let dx = Operation::LayerNormBackward { eps }.run([Some(a), Some(b), Some(grad), None])?;
                (Some(dx), None, None)
            }
            Operation::Gelu { tangent, .. } => {
                let dx = Operation::GeluBackward { tangent }.run([Some(a), Some(grad), None, None])?;
                (Some(dx), None, None)
            }
            Operation::SwiGlu => {
                let (d_gate, d_up) = Operation::SwiGluBackward.run_pair([a, b, grad])?;
                (Some(d_gate), Some(d_up), None)
            }
            Operation::Rotate { sign } => {
                let dx = Operation::Rotate { sign: -sign }.run([Some(grad), Some(b), Some(c), None])?;
                (Some(dx), None, None)
            }
            Operation::MaskedSoftmax { scale, .. } => {
                let wide = grad.dtype() == candle_core::DType::F32;
                let dx = Operation::MaskedSoftmaxBackward { scale, wide }.run([Some(y), Some(grad), None, None])?;
                (Some(dx), None, None)
            }
            Operation::LogLikelihood => {
                let of_rows = Tensor::stack(&[y, grad], 0)?;
                let dx = Operation::LogLikelihoodBackward.run([Some(a), Some(b), Some(&of_rows), None])?;
                (Some(dx), None, None)
            }
            other => bail!("{other:?} has no gradient"),
        })
    }
}
