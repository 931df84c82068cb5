//! Layer checkpointing: keeps only a layer's input, and runs the layer again in backward.

use std::sync::Arc;

use candle_core::{CpuStorage, CudaStorage, CustomOp1, D, Layout, Result, Shape, Tensor, Var};

use super::known_result::KnownResult;

/// A differentiable function of one tensor whose other operands are constants.
pub type Layer = Arc<dyn Fn(&Tensor) -> Result<Tensor> + Send + Sync>;

/// `layer(x)`; the graph keeps only `x`. Gradients are bit-identical to those of the plain call.
///
/// # Errors
/// Those of the layer.
pub fn checkpointed(x: &Tensor, layer: Layer) -> Result<Tensor> {
    let result = layer(&x.detach())?.detach().contiguous()?;
    x.apply_op1(Recomputed {
        layer,
        result: KnownResult::new(result),
    })
}

struct Recomputed {
    layer: Layer,
    result: KnownResult,
}

impl CustomOp1 for Recomputed {
    fn name(&self) -> &'static str {
        "checkpointed-layer"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        self.result.on_cpu()
    }

    fn cuda_fwd(&self, _: &CudaStorage, _: &Layout) -> Result<(CudaStorage, Shape)> {
        self.result.on_cuda()
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let x = Var::from_tensor(x)?;
        let y = (self.layer)(x.as_tensor())?;
        // Summed in two steps, because a CUDA device sums a whole tensor on only one of its many multiprocessors.
        let mut grads = (y * grad)?.sum(D::Minus1)?.sum_all()?.backward()?;
        Ok(grads.remove(&x))
    }
}
