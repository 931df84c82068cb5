//! Comparisons with the f64 computation, and the errors that are allowed.

use candle_core::{DType, Device, Tensor};

use crate::engine::error::EngineError;

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
pub(super) struct Bounds {
    /// Hidden states, logits, losses, scores.
    pub values: f64,
    pub gradients: f64,
    /// Parameters after several optimiser steps.
    pub trained: f64,
}

impl Bounds {
    /// f32 as the tests against the reference. bf16 keeps 8 bits: an independent pass in mixed precision (JAX, with
    /// norms, softmax and rotation in f32) is off by up to 0.065 in a gradient of Qwen2-VL's slice and by 0.012 in the vision
    /// tower's features; a missing branch or a wrong mask is off by more.
    pub fn of(dtype: DType, bf16_gradients: f64) -> Self {
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

/// The comparisons so far.
pub(super) struct Report {
    pub bounds: Bounds,
    pub checks: Vec<Check>,
}

impl Report {
    /// Compares tensors with as many elements, whatever their shapes.
    pub fn close(&mut self, name: &str, got: &Tensor, want: &Tensor, bound: f64) -> Result<(), EngineError> {
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

    /// Compares rows of numbers.
    pub fn near(&mut self, name: &str, got: &[f64], want: &[f64], bound: f64) {
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
    pub fn equal(&mut self, name: &str, equal: bool) {
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
