//! What the curve of the Train screen shows.

use super::figures;
use crate::session::StepPoint;

/// A logged metric.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Metric {
    #[default]
    Loss,
    GradNorm,
    LearningRate,
    Throughput,
}

impl Metric {
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Loss => Self::GradNorm,
            Self::GradNorm => Self::LearningRate,
            Self::LearningRate => Self::Throughput,
            Self::Throughput => Self::Loss,
        }
    }

    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::GradNorm => "grad norm",
            Self::LearningRate => "learning rate",
            Self::Throughput => "samples/s",
        }
    }

    /// Its value at a step.
    #[must_use]
    pub const fn of(self, point: &StepPoint) -> f64 {
        match self {
            Self::Loss => point.loss,
            Self::GradNorm => point.grad_norm,
            Self::LearningRate => point.lr,
            Self::Throughput => point.samples_per_s,
        }
    }

    /// A value as a person reads it.
    #[must_use]
    pub fn shown(self, value: f64) -> String {
        match self {
            Self::Loss => figures::loss(value),
            _ => figures::short(value),
        }
    }
}
