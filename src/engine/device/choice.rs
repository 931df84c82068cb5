//! What `--device` asks for.

use std::fmt;
use std::str::FromStr;

/// What `--device` asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The first CUDA device if it can be used, else the CPU.
    #[default]
    Auto,
    Cpu,
    /// The CUDA device with this index, among those that the driver shows (`CUDA_VISIBLE_DEVICES`).
    Cuda(usize),
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(0) => f.write_str("cuda"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

/// Why a text names no device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is none of auto, cpu, cuda (the first card) and cuda:N (the card with the index N, from 0)")]
pub struct NoDeviceName;

impl FromStr for DeviceChoice {
    type Err = NoDeviceName;

    fn from_str(text: &str) -> Result<Self, NoDeviceName> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            text => {
                let index = text.strip_prefix("cuda:").ok_or(NoDeviceName)?;
                // The driver counts with 32 bits.
                let index: u16 = index.parse().map_err(|_| NoDeviceName)?;
                Ok(Self::Cuda(index.into()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_named_by_kind_and_index() {
        for (text, choice) in [
            ("auto", DeviceChoice::Auto),
            ("cpu", DeviceChoice::Cpu),
            ("cuda", DeviceChoice::Cuda(0)),
            ("cuda:3", DeviceChoice::Cuda(3)),
        ] {
            assert_eq!(text.parse(), Ok(choice));
            assert_eq!(choice.to_string(), text);
        }
        for text in ["", "gpu", "cuda:", "cuda:-1", "cuda:x", "cuda:70000", "CUDA", "cpu:0"] {
            assert_eq!(text.parse::<DeviceChoice>(), Err(NoDeviceName), "{text}");
        }
    }
}
