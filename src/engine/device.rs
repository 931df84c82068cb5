//! Where the model computes.

use candle_core::{DType, Device};

use super::error::EngineError;
use crate::config;
use crate::nn;

/// What `--device` asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A CUDA device where there is one, else the CPU.
    #[default]
    Auto,
    Cpu,
    Cuda,
}

/// A device, the number format used on it, its name and a notice about it.
#[derive(Debug, Clone)]
pub struct Compute {
    pub device: Device,
    pub dtype: DType,
    /// `cpu, 2 threads`, `cuda:0`.
    pub name: String,
    /// What the user asked for and does not get, and what is used instead.
    pub notice: Option<String>,
}

/// The message without the stack that candle appends to it where `RUST_BACKTRACE` is set.
#[must_use]
pub fn first_line(error: &candle_core::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

/// Opens the device; without the `cuda` feature there is only the CPU.
///
/// # Errors
/// [`EngineError::Usage`] where CUDA was asked for and there is none.
pub fn open(choice: DeviceChoice, dtype: config::Dtype) -> Result<Compute, EngineError> {
    let cuda = match choice {
        DeviceChoice::Cpu => None,
        // The CUDA bindings panic where the driver's library is missing.
        DeviceChoice::Auto => std::panic::catch_unwind(|| Device::new_cuda(0).ok()).ok().flatten(),
        DeviceChoice::Cuda => Some(Device::new_cuda(0).map_err(|error| {
            let hint = if candle_core::utils::cuda_is_available() {
                format!("the driver says: {}", first_line(&error))
            } else {
                "this program was built without it; build with `cargo build --release --features cuda`".to_owned()
            };
            EngineError::Usage(format!("--device cuda: {hint}"))
        })?),
    };
    let (dtype, notice) = dtype.on(cuda.is_some());
    let dtype = match dtype {
        config::Dtype::Bf16 => DType::BF16,
        config::Dtype::F16 => DType::F16,
        config::Dtype::Auto | config::Dtype::F32 => DType::F32,
    };
    let device = cuda.unwrap_or(Device::Cpu);
    let notices = [notice, nn::prepare_device(&device)].into_iter().flatten();
    let notice = notices.reduce(|all, one| format!("{all}; {one}"));
    let threads = candle_core::utils::get_num_threads();
    let name = if device.is_cuda() {
        "cuda:0".to_owned()
    } else {
        format!("cpu, {threads} threads")
    };
    Ok(Compute {
        device,
        dtype,
        name,
        notice,
    })
}
