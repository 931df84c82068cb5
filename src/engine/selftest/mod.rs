//! Compares this build's numbers on this device with the golden slices of `assets/selftest`, which independent f64
//! computations gave on a small random model of each family.

mod forward;
mod slice;
mod stages;

use candle_core::{DType, Device, Tensor};

use super::error::EngineError;
use slice::{SLICES, Slice};

/// One comparison with the f64 computation.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    pub name: String,
    /// Relative: the norm of the difference by the norm of the f64 values.
    pub error: f64,
    /// The largest error that passes.
    pub bound: f64,
}

impl Check {
    /// Whether the numbers agree; an error that is not finite fails.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.error <= self.bound
    }
}

/// The round-off error allowed in a number format.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// Hidden states, logits, losses, scores.
    values: f64,
    gradients: f64,
    /// Parameters after several optimiser steps.
    trained: f64,
}

impl Bounds {
    /// f32 as the tests against the reference. bf16 keeps 8 bits: an independent pass in mixed precision (JAX, with
    /// norms, softmax and rotation in f32) is off by up to 0.065 in a gradient of Qwen2-VL's slice and by 0.012 in the vision
    /// tower's features; a missing branch or a wrong mask is off by more.
    fn of(dtype: DType, bf16_gradients: f64) -> Self {
        if dtype == DType::F32 {
            Self {
                values: 1e-4,
                gradients: 1e-3,
                trained: 1e-3,
            }
        } else {
            Self {
                values: 3e-2,
                gradients: bf16_gradients,
                trained: 5e-2,
            }
        }
    }
}

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

struct Report {
    bounds: Bounds,
    checks: Vec<Check>,
}

impl Report {
    /// Compares tensors with as many elements, whatever their shapes.
    fn close(&mut self, name: &str, got: &Tensor, want: &Tensor, bound: f64) -> Result<(), EngineError> {
        let values = |x: &Tensor| {
            x.to_device(&Device::Cpu)?
                .flatten_all()?
                .to_dtype(DType::F64)?
                .to_vec1::<f64>()
        };
        let (got, want) = (values(got)?, values(want)?);
        self.near(name, &got, &want, bound);
        Ok(())
    }

    fn near(&mut self, name: &str, got: &[f64], want: &[f64], bound: f64) {
        let square = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>();
        let difference = square(&mut got.iter().zip(want).map(|(g, w)| g - w));
        let norm = square(&mut want.iter().copied());
        let error = if got.len() == want.len() {
            (difference / norm.max(f64::MIN_POSITIVE)).sqrt()
        } else {
            f64::INFINITY
        };
        self.checks.push(Check {
            name: name.to_owned(),
            error,
            bound,
        });
    }

    /// Token ids must agree exactly.
    fn equal(&mut self, name: &str, equal: bool) {
        self.checks.push(Check {
            name: name.to_owned(),
            error: if equal { 0.0 } else { 1.0 },
            bound: 0.0,
        });
    }
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

    #[test]
    fn a_wrong_number_does_not_pass() {
        let mut report = Report {
            bounds: Bounds::of(DType::F32, 1e-1),
            checks: Vec::new(),
        };
        report.near("off", &[1.0, 2.1], &[1.0, 2.0], 1e-4);
        report.near("not a number", &[f64::NAN], &[1.0], 1e-4);
        report.near("another length", &[1.0], &[1.0, 1.0], 1e-4);
        report.equal("tokens", false);
        assert!(!report.checks.iter().any(Check::passes), "{:?}", report.checks);
    }
}
