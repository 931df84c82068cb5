//! Compares this build's numbers on this device with the golden slices of `assets/selftest`, which independent f64
//! computations gave on a small random model of each family.

mod forward;
mod report;
mod slice;
mod stages;

use candle_core::{DType, Device};

use super::error::EngineError;
use report::{Bounds, Report};
use slice::{SLICES, Slice};

pub use report::Check;

/// Runs every check on `device`, the base model in `dtype`.
///
/// # Errors
/// Where the slice cannot be unpacked or the device fails.
pub fn selftest(device: &Device, dtype: DType) -> Result<Vec<Check>, EngineError> {
    let mut checks = Vec::new();
    for files in &SLICES {
        let mut report = Report {
            bounds: Bounds::of(dtype, files.bf16_gradients),
            checks: Vec::new(),
        };
        check(&Slice::open(files, device, dtype)?, &mut report)?;
        checks.extend(report.checks.into_iter().map(|check| Check {
            name: format!("{}: {}", files.family.name(), check.name),
            ..check
        }));
    }
    Ok(checks)
}

fn check(slice: &Slice, report: &mut Report) -> Result<(), EngineError> {
    let features = forward::vision(slice, report)?;
    forward::language(slice, &features, report)?;
    forward::aspects(slice, &features, report)?;
    stages::stage_1(slice, &features, report)?;
    stages::stage_2(slice, &features, report)?;
    stages::greedy(slice, &features, report)?;
    stages::trajectories(slice, &features, report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slices_agree_on_the_cpu() {
        let checks = selftest(&Device::Cpu, DType::F32).unwrap();
        let failed: Vec<&Check> = checks.iter().filter(|check| !check.passes()).collect();
        assert!(failed.is_empty(), "{failed:#?}");
        for files in &SLICES {
            let of_family = checks
                .iter()
                .filter(|check| check.name.starts_with(files.family.name()));
            assert!(of_family.count() > 40, "{}", files.family.name());
        }
    }

    /// What a GPU computes in; here it shows that every block takes it, and how much it may cost.
    #[test]
    fn the_slices_agree_in_bf16() {
        let checks = selftest(&Device::Cpu, DType::BF16).unwrap();
        let failed: Vec<&Check> = checks.iter().filter(|check| !check.passes()).collect();
        assert!(failed.is_empty(), "{failed:#?}");
    }
}
