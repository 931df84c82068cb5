//! Where the model computes.

pub mod cards;
mod choice;
pub mod target;

use candle_core::{DType, Device};

pub use choice::{DeviceChoice, NoDeviceName};

use super::error::EngineError;
use crate::config;
use crate::nn::{self, DeviceMemory};
use cards::CardError;

/// A device, the number format used on it, its name and a notice about it.
#[derive(Debug, Clone)]
pub struct Compute {
    pub device: Device,
    pub dtype: DType,
    /// `cpu, 2 threads`, `cuda:0`.
    pub name: String,
    /// What the user asked for and does not get, and what is used instead.
    pub notice: Option<String>,
    /// A CUDA device's memory when it was opened.
    pub memory: Option<DeviceMemory>,
}

impl Drop for Compute {
    /// The handles of cuBLAS and cuRAND panic when they are given back to a device that was lost, which would hide why the
    /// run ended. Such a device stays open until the process ends.
    fn drop(&mut self) {
        if self.device.is_cuda() && self.device.synchronize().is_err() {
            Box::leak(Box::new(self.device.clone()));
        }
    }
}

/// Opens the device; without the `cuda` feature there is only the CPU. `auto` takes the CPU where the first card cannot be
/// used, and says why unless there is none.
///
/// # Errors
/// [`EngineError::Usage`] where CUDA was asked for and cannot be used.
pub fn open(choice: DeviceChoice, dtype: config::Dtype) -> Result<Compute, EngineError> {
    let (device, refused) = match choice {
        DeviceChoice::Cpu => (Device::Cpu, None),
        DeviceChoice::Auto => match cards::open(0) {
            Ok(device) => (device, None),
            Err(error) => (Device::Cpu, instead(&error)),
        },
        DeviceChoice::Cuda(index) => {
            let refused = |error| EngineError::Usage(format!("--device {choice}: {error}"));
            (cards::open(index).map_err(refused)?, None)
        }
    };
    let (dtype, format) = dtype.on(device.is_cuda());
    let dtype = match dtype {
        config::Dtype::Bf16 => DType::BF16,
        config::Dtype::F16 => DType::F16,
        config::Dtype::Auto | config::Dtype::F32 => DType::F32,
    };
    let notices = [refused, format, nn::prepare_device(&device)].into_iter().flatten();
    let notice = notices.reduce(|all, one| format!("{all}; {one}"));
    let name = match (choice, &device) {
        (_, Device::Cpu) => format!("cpu, {} threads", candle_core::utils::get_num_threads()),
        (DeviceChoice::Cuda(index), _) => format!("cuda:{index}"),
        _ => "cuda:0".to_owned(),
    };
    Ok(Compute {
        memory: nn::memory(&device),
        device,
        dtype,
        name,
        notice,
    })
}

/// The notice of `--device auto` for a card that cannot be used; `None` where there is none.
fn instead(error: &CardError) -> Option<String> {
    (!error.is_absence()).then(|| format!("the CPU is used, not CUDA: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_says_why_a_card_is_not_used_and_nothing_where_there_is_none() {
        assert_eq!(instead(&CardError::NotBuiltIn), None);
        let failed = CardError::Failed {
            index: 0,
            name: "H100".to_owned(),
            said: "in use".to_owned(),
        };
        let said = instead(&failed).unwrap();
        assert!(
            said.contains("CPU") && said.contains("card 0 (H100)") && said.contains("in use"),
            "{said}"
        );
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_build_without_cuda_says_how_to_build_one() {
        let refused = open(DeviceChoice::Cuda(1), config::Dtype::F32).unwrap_err();
        assert!(refused.is_usage());
        let said = refused.to_string();
        assert!(
            said.starts_with("--device cuda:1: ") && said.contains("--features cuda"),
            "{said}"
        );
        let compute = open(DeviceChoice::Auto, config::Dtype::F32).unwrap();
        assert!(compute.notice.is_none() && compute.memory.is_none(), "{compute:?}");
    }
}
