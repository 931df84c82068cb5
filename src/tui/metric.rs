//! The metrics that the curves of the Train screen show.

use crate::{
    figures,
    session::{Evaluation, StepPoint},
};

/// A logged metric: of each step, of each evaluation, or of both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Metric {
    #[default]
    Loss,
    /// In per cent.
    Accuracy,
    /// In per cent.
    MacroF1,
    Ece,
    GradNorm,
    LearningRate,
    Throughput,
    /// In per cent.
    CacheHits,
}

impl Metric {
    const ALL: [Self; 8] = [
        Self::Loss,
        Self::Accuracy,
        Self::MacroF1,
        Self::Ece,
        Self::GradNorm,
        Self::LearningRate,
        Self::Throughput,
        Self::CacheHits,
    ];

    /// The metric after this one, cyclically.
    #[must_use]
    pub fn next(self) -> Self {
        let place = Self::ALL.iter().position(|&metric| metric == self).unwrap_or(0);
        Self::ALL[(place + 1) % Self::ALL.len()]
    }

    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Accuracy => "accuracy",
            Self::MacroF1 => "macro-F1",
            Self::Ece => "ECE",
            Self::GradNorm => "grad norm",
            Self::LearningRate => "learning rate",
            Self::Throughput => "samples/s",
            Self::CacheHits => "cache hits",
        }
    }

    /// Its value at a step; `None` for metrics that only evaluations have.
    #[must_use]
    pub const fn of(self, point: &StepPoint) -> Option<f64> {
        match self {
            Self::Loss => Some(point.loss),
            Self::GradNorm => Some(point.grad_norm),
            Self::LearningRate => Some(point.lr),
            Self::Throughput => Some(point.samples_per_s),
            Self::CacheHits => Some(100.0 * point.cache_hits),
            Self::Accuracy | Self::MacroF1 | Self::Ece => None,
        }
    }

    /// Its value in an evaluation; `None` for metrics that only steps have or that stage 1 does not measure.
    #[must_use]
    pub fn of_evaluation(self, evaluation: &Evaluation) -> Option<f64> {
        let whole = evaluation.aspect_accuracy.is_empty();
        match self {
            Self::Loss => Some(evaluation.loss),
            Self::Accuracy => Some(100.0 * evaluation.overall_accuracy()),
            Self::MacroF1 if whole => Some(100.0 * evaluation.metrics.macro_f1),
            Self::Ece if whole => Some(evaluation.metrics.ece),
            _ => None,
        }
    }

    /// A value as it is displayed.
    #[must_use]
    pub fn shown(self, value: f64) -> String {
        match self {
            Self::Accuracy | Self::MacroF1 | Self::CacheHits => figures::percent(value / 100.0),
            Self::Loss => figures::loss(value),
            Self::Ece => figures::calibration(value),
            Self::GradNorm | Self::LearningRate | Self::Throughput => figures::short(value),
        }
    }
}
