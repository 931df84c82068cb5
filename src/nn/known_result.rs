//! The result of an operation of the graph that was computed before it.

use std::sync::{Mutex, PoisonError};

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CudaStorage, Result, Shape, Storage, Tensor, bail};

/// A result outside of the graph. The operation's forward copies it into the graph and drops it here, so that it is held
/// only once.
#[derive(Debug)]
pub(super) struct KnownResult(Mutex<Option<Tensor>>);

impl KnownResult {
    pub(super) const fn new(result: Tensor) -> Self {
        Self(Mutex::new(Some(result)))
    }

    /// For `cpu_fwd`.
    ///
    /// # Errors
    /// If it was taken before, or is not on the CPU.
    pub(super) fn on_cpu(&self) -> Result<(CpuStorage, Shape)> {
        let result = self.take()?;
        let (storage, layout) = result.storage_and_layout();
        match &*storage {
            Storage::Cpu(storage) => Ok((storage.try_clone(layout)?, layout.shape().clone())),
            _ => bail!("an operation's input is on the CPU, its result is not"),
        }
    }

    /// For `cuda_fwd`.
    ///
    /// # Errors
    /// If it was taken before, is not on the CUDA device, or the device fails.
    pub(super) fn on_cuda(&self) -> Result<(CudaStorage, Shape)> {
        let result = self.take()?;
        let (storage, layout) = result.storage_and_layout();
        match &*storage {
            Storage::Cuda(storage) => Ok((storage.try_clone(layout)?, layout.shape().clone())),
            _ => bail!("an operation's input is on a CUDA device, its result is not"),
        }
    }

    fn take(&self) -> Result<Tensor> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(result) => Ok(result),
            None => bail!("an operation's result was asked for twice"),
        }
    }
}
