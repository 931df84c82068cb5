//! The figures that curves can show.

use std::fmt;
use std::str::FromStr;

use crate::data::View;
use crate::session::{Evaluation, StepPoint};

/// A figure of each step, of each evaluation, or of both. Shares are drawn in per cent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum CurveMetric {
    #[default]
    Loss,
    LearningRate,
    GradNorm,
    Throughput,
    CacheHits,
    Accuracy,
    Generated,
    MacroF1,
    Ece,
    Brier,
    Polarity,
    Wheel,
    /// The recall of a class.
    Recall(String),
    /// The share of right answers about an aspect, in stage 1.
    Aspect(View),
}

/// The names that stand alone.
const NAMED: [(&str, CurveMetric); 12] = [
    ("loss", CurveMetric::Loss),
    ("accuracy", CurveMetric::Accuracy),
    ("macro-f1", CurveMetric::MacroF1),
    ("ece", CurveMetric::Ece),
    ("brier", CurveMetric::Brier),
    ("generated", CurveMetric::Generated),
    ("polarity", CurveMetric::Polarity),
    ("wheel", CurveMetric::Wheel),
    ("lr", CurveMetric::LearningRate),
    ("grad-norm", CurveMetric::GradNorm),
    ("samples/s", CurveMetric::Throughput),
    ("cache-hits", CurveMetric::CacheHits),
];

/// A name of no figure.
#[derive(Debug, thiserror::Error)]
#[error("there is no curve `{0}`; there are {list}, recall:CLASS and aspect:NAME", list = listed())]
pub struct BadMetric(String);

impl FromStr for CurveMetric {
    type Err = BadMetric;

    fn from_str(name: &str) -> Result<Self, BadMetric> {
        let typed = name.to_lowercase().replace('_', "-");
        let named = NAMED.iter().find(|(known, _)| *known == typed);
        let of_part = || match name.split_once(':')? {
            ("recall", class) if !class.is_empty() => Some(Self::Recall(class.to_owned())),
            ("aspect", view) => Some(Self::Aspect(view.parse().ok()?)),
            _ => None,
        };
        named
            .map(|(_, metric)| metric.clone())
            .or_else(of_part)
            .ok_or_else(|| BadMetric(name.to_owned()))
    }
}

impl fmt::Display for CurveMetric {
    /// As an axis' title, with the unit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loss => f.write_str("loss (nats)"),
            Self::LearningRate => f.write_str("learning rate"),
            Self::GradNorm => f.write_str("gradient norm"),
            Self::Throughput => f.write_str("samples per second"),
            Self::CacheHits => f.write_str("cache hits (%)"),
            Self::Accuracy => f.write_str("accuracy (%)"),
            Self::Generated => f.write_str("accuracy, generated (%)"),
            Self::MacroF1 => f.write_str("macro-F1 (%)"),
            Self::Ece => f.write_str("ECE"),
            Self::Brier => f.write_str("Brier score"),
            Self::Polarity => f.write_str("polarity accuracy (%)"),
            Self::Wheel => f.write_str("distance on the wheel"),
            Self::Recall(class) => write!(f, "recall of {class} (%)"),
            Self::Aspect(view) => write!(f, "{} right (%)", view.name().replace('_', " ")),
        }
    }
}

impl CurveMetric {
    /// Its value at a step; None where only evaluations have it.
    #[must_use]
    pub fn of_step(&self, point: &StepPoint) -> Option<f64> {
        Some(match self {
            Self::Loss => point.loss,
            Self::LearningRate => point.lr,
            Self::GradNorm => point.grad_norm,
            Self::Throughput => point.samples_per_s,
            Self::CacheHits => 100.0 * point.cache_hits,
            _ => return None,
        })
    }

    /// Its value in an evaluation; None where only steps have it, or the stage does not measure it.
    #[must_use]
    pub fn of_evaluation(&self, seen: &Evaluation) -> Option<f64> {
        let metrics = &seen.metrics;
        Some(match self {
            Self::Loss => seen.loss,
            Self::Accuracy => 100.0 * seen.overall_accuracy(),
            Self::Generated => 100.0 * metrics.accuracy_generated,
            Self::MacroF1 => 100.0 * metrics.macro_f1,
            Self::Ece => metrics.ece,
            Self::Brier => metrics.brier,
            Self::Polarity => 100.0 * metrics.polarity_accuracy?,
            Self::Wheel => metrics.wheel_distance?,
            Self::Recall(class) => 100.0 * metrics.class(class)?.recall,
            Self::Aspect(view) => 100.0 * seen.aspect_accuracy.iter().find(|(of, _)| of == view)?.1,
            Self::LearningRate | Self::GradNorm | Self::Throughput | Self::CacheHits => return None,
        })
    }

    /// Whether its steps scatter, so that a moving average is easier to read.
    #[must_use]
    pub const fn is_noisy(&self) -> bool {
        !matches!(self, Self::LearningRate)
    }

    /// The value that no curve of it exceeds, where there is one.
    #[must_use]
    pub const fn most(&self) -> Option<f64> {
        match self {
            Self::CacheHits
            | Self::Accuracy
            | Self::Generated
            | Self::MacroF1
            | Self::Polarity
            | Self::Recall(_)
            | Self::Aspect(_) => Some(100.0),
            _ => None,
        }
    }
}

fn listed() -> String {
    NAMED.map(|(name, _)| name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_names() {
        assert_eq!("Macro_F1".parse::<CurveMetric>().unwrap(), CurveMetric::MacroF1);
        assert_eq!(
            "recall:fear".parse::<CurveMetric>().unwrap(),
            CurveMetric::Recall("fear".into())
        );
        assert_eq!(
            "aspect:scene".parse::<CurveMetric>().unwrap(),
            CurveMetric::Aspect(View::Scene)
        );
        for wrong in ["los", "recall:", "aspect:sky", ""] {
            let said = wrong.parse::<CurveMetric>().unwrap_err().to_string();
            assert!(said.contains("there are loss, accuracy, macro-f1"), "{said}");
        }
    }
}
