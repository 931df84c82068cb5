//! Layer checkpointing: keeps only a layer's input, and runs the layer again in backward.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CudaStorage, CustomOp1, D, Layout, Result, Shape, Storage, Tensor, Var, bail};

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
        result: Mutex::new(Some(result)),
    })
}

struct Recomputed {
    layer: Layer,
    /// Taken by forward, which copies it: the graph holds it only once.
    result: Mutex<Option<Tensor>>,
}

impl Recomputed {
    fn result(&self) -> Result<Tensor> {
        match self.result.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(result) => Ok(result),
            None => bail!("a layer's result was asked for twice"),
        }
    }
}

impl CustomOp1 for Recomputed {
    fn name(&self) -> &'static str {
        "checkpointed-layer"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        let result = self.result()?;
        let (storage, layout) = result.storage_and_layout();
        match &*storage {
            Storage::Cpu(storage) => Ok((storage.try_clone(layout)?, layout.shape().clone())),
            _ => bail!("the layer moved its input off the CPU"),
        }
    }

    fn cuda_fwd(&self, _: &CudaStorage, _: &Layout) -> Result<(CudaStorage, Shape)> {
        let result = self.result()?;
        let (storage, layout) = result.storage_and_layout();
        match &*storage {
            Storage::Cuda(storage) => Ok((storage.try_clone(layout)?, layout.shape().clone())),
            _ => bail!("the layer moved its input off the CUDA device"),
        }
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let x = Var::from_tensor(x)?;
        let y = (self.layer)(x.as_tensor())?;
        // Summed in two steps, because a CUDA device sums a whole tensor on only one of its many multiprocessors.
        let mut grads = (y * grad)?.sum(D::Minus1)?.sum_all()?.backward()?;
        Ok(grads.remove(&x))
    }
}
