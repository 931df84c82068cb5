//! Starts operations on tensors: on the device where they are, or in tests on the CPU.

use candle_core::op::BackpropOp;
use candle_core::{Layout, Result, Storage, StorageRef, Tensor, bail};

use super::launch::Launch;
use super::operation::{Operands, Operation};

/// Operands whose storages are held.
type Held<'a> = Operands<(StorageRef<'a>, &'a Layout)>;

/// Like [`Operation::run`].
pub fn run(operation: Operation, operands: Operands<&Tensor>) -> Result<Tensor> {
    let launch = launch_of(operation, operands)?;
    let held: Held<'_> = operands.map(|operand| operand.map(Tensor::storage_and_layout));
    let storage = match &held[0] {
        #[cfg(feature = "cuda")]
        Some((first, _)) if matches!(**first, Storage::Cuda(_)) => {
            Storage::Cuda(super::device::run(&launch, &on_cuda(&held)?)?)
        }
        #[cfg(test)]
        Some((first, _)) if matches!(**first, Storage::Cpu(_)) => {
            Storage::Cpu(super::emulated::run(&launch, &on_cpu(&held)?)?)
        }
        _ => bail!("{operation:?} is for CUDA devices"),
    };
    Ok(Tensor::from_storage(storage, launch.output, BackpropOp::none(), false))
}

/// Like [`Operation::run_pair`].
pub fn run_pair(operation: Operation, [a, b, c]: [&Tensor; 3]) -> Result<(Tensor, Tensor)> {
    let second = like(a)?;
    #[cfg(test)]
    if a.device().is_cpu() {
        let first = like(a)?;
        change(operation, [Some(a), Some(b), Some(c), Some(&second)], &first)?;
        return Ok((first, second));
    }
    let first = run(operation, [Some(a), Some(b), Some(c), Some(&second)])?;
    Ok((first, second))
}

/// A tensor of the shape of `x` that a kernel will write.
fn like(x: &Tensor) -> Result<Tensor> {
    #[cfg(feature = "cuda")]
    if let Storage::Cuda(storage) = &*x.storage_and_layout().0 {
        let storage = super::device::unwritten(storage, x.elem_count())?;
        return Ok(Tensor::from_storage(
            Storage::Cuda(storage),
            x.shape(),
            BackpropOp::none(),
            false,
        ));
    }
    x.zeros_like()
}

/// Like [`Operation::change`].
pub fn change(operation: Operation, operands: Operands<&Tensor>, output: &Tensor) -> Result<()> {
    let launch = launch_of(operation, operands)?;
    if launch.output != *output.shape() || launch.dtype != output.dtype() || !output.is_contiguous() {
        bail!("{operation:?} of {:?} into {:?}", launch.output, output.shape());
    }
    let held: Held<'_> = operands.map(|operand| operand.map(Tensor::storage_and_layout));
    let (to, to_layout) = output.storage_and_layout();
    match (&held[0], &*to) {
        #[cfg(feature = "cuda")]
        (Some(_), Storage::Cuda(to)) => super::device::change(&launch, &on_cuda(&held)?, (to, to_layout)),
        #[cfg(test)]
        (Some(_), Storage::Cpu(cpu)) => {
            let changed = super::emulated::change(&launch, &on_cpu(&held)?, (cpu, to_layout))?;
            drop((held, to));
            let all = operands.into_iter().chain([Some(output)]);
            for (tensor, changed) in all.zip(changed) {
                if let Some(tensor) = tensor {
                    tensor.inplace_op1(&tests::Overwrite(changed))?;
                }
            }
            Ok(())
        }
        _ => bail!("{operation:?} is for CUDA devices"),
    }
}

fn launch_of(operation: Operation, operands: Operands<&Tensor>) -> Result<Launch> {
    let Some(first) = operands[0] else {
        bail!("{operation:?} without operands");
    };
    operation.launch(operands.map(|operand| operand.map(Tensor::layout)), first.dtype())
}

/// The operands as one device's storages, which `of` gives if they are.
fn inputs<'a, S>(
    held: &'a Held<'_>,
    of: impl Fn(&'a Storage) -> Option<&'a S>,
) -> Result<[Option<(&'a S, &'a Layout)>; super::launch::INPUTS]> {
    let mut inputs = [None; super::launch::INPUTS];
    for (input, operand) in inputs.iter_mut().zip(held) {
        if let Some((storage, layout)) = operand {
            match of(storage) {
                Some(storage) => *input = Some((storage, *layout)),
                None => bail!("the operands of a kernel are not all on one device"),
            }
        }
    }
    Ok(inputs)
}

#[cfg(feature = "cuda")]
fn on_cuda<'a>(held: &'a Held<'_>) -> Result<super::device::Inputs<'a>> {
    inputs(held, |storage| match storage {
        Storage::Cuda(storage) => Some(storage),
        _ => None,
    })
}

#[cfg(test)]
fn on_cpu<'a>(held: &'a Held<'_>) -> Result<super::emulated::Inputs<'a>> {
    inputs(held, |storage| match storage {
        Storage::Cpu(storage) => Some(storage),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use candle_core::{CpuStorage, InplaceOp1};

    use super::*;

    /// Replaces a contiguous tensor's numbers.
    pub struct Overwrite(pub CpuStorage);

    impl InplaceOp1 for Overwrite {
        fn name(&self) -> &'static str {
            "overwrite"
        }

        fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
            let from = layout.start_offset();
            match (storage, &self.0) {
                (CpuStorage::F32(to), CpuStorage::F32(new)) => to[from..from + new.len()].copy_from_slice(new),
                (CpuStorage::BF16(to), CpuStorage::BF16(new)) => to[from..from + new.len()].copy_from_slice(new),
                (_, new) => assert!(matches!(new, CpuStorage::U32(_)), "kernels change only f32 and bf16"),
            }
            Ok(())
        }
    }
}
