//! The shapes of `predict --json` and `eval --json`, which are the same on disk, on stdout and in memory.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::nullable;
use crate::data::View;

/// What one aspect looked at and answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AspectSeen {
    /// Merged patches: `[height, width]`.
    pub grid: [usize; 2],
    /// `[queries][height * width]`; each row sums to 1.
    #[serde(deserialize_with = "nullable::rows")]
    pub attention: Vec<Vec<f32>>,
    /// The aspect's own answer to its question.
    pub text: String,
}

impl AspectSeen {
    /// The grid, if every query has one weight for each of its patches; None for a file in which they do not match.
    #[must_use]
    pub fn whole_grid(&self) -> Option<[usize; 2]> {
        let [height, width] = self.grid;
        let cells = height.checked_mul(width).filter(|&cells| cells > 0)?;
        let fits = !self.attention.is_empty() && self.attention.iter().all(|query| query.len() == cells);
        fits.then_some(self.grid)
    }
}

/// The model's answer for one image: a line of `predict --json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    pub image: String,
    pub prediction: String,
    /// Softmax over the labels' log-likelihoods, in the label list's order.
    #[serde(deserialize_with = "nullable::by_label")]
    pub probabilities: IndexMap<String, f64>,
    /// Sum of the answer tokens' log-probabilities, in nats.
    #[serde(deserialize_with = "nullable::by_label")]
    pub log_likelihoods: IndexMap<String, f64>,
    /// The greedy answer, decoded without special tokens, not trimmed.
    pub generated: String,
    pub rationale: String,
    pub aspects: IndexMap<View, AspectSeen>,
}

/// Figures of one class; NaN (null in JSON) where the denominator would be 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassMetrics {
    /// NaN for a class without images.
    #[serde(deserialize_with = "nullable::number")]
    pub recall: f64,
    #[serde(deserialize_with = "nullable::number")]
    pub precision: f64,
    #[serde(deserialize_with = "nullable::number")]
    pub f1: f64,
    pub support: usize,
}

/// `counts[gold][predicted]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Confusion {
    pub labels: Vec<String>,
    pub counts: Vec<Vec<u64>>,
}

/// The document of `eval --json`; an evaluation event has the same keys. A figure that was not taken is NaN, in JSON null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    pub split: String,
    /// The dataset's root; absent in older files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    pub samples: usize,
    /// Share of samples whose most likely label is the gold one.
    #[serde(deserialize_with = "nullable::number")]
    pub accuracy: f64,
    /// The reference's figure: greedy answer, first line, lower case, equal to the label.
    #[serde(deserialize_with = "nullable::number")]
    pub accuracy_generated: f64,
    #[serde(deserialize_with = "nullable::number")]
    pub macro_f1: f64,
    pub per_class: IndexMap<String, ClassMetrics>,
    pub confusion: Confusion,
    /// Expected calibration error, 10 bins.
    #[serde(deserialize_with = "nullable::number")]
    pub ece: f64,
    #[serde(deserialize_with = "nullable::number")]
    pub brier: f64,
    /// Absent where the classes have no polarity.
    pub polarity_accuracy: Option<f64>,
    /// Mean distance on Mikels' wheel; absent where the classes are not Mikels' eight.
    pub wheel_distance: Option<f64>,
    #[serde(deserialize_with = "nullable::number")]
    pub images_per_s: f64,
    #[serde(deserialize_with = "nullable::number")]
    pub generated_images_per_s: f64,
}

impl Default for Metrics {
    /// No figure was computed: each is NaN, because 0 would be a valid figure.
    fn default() -> Self {
        Self {
            split: String::new(),
            data: None,
            samples: 0,
            accuracy: f64::NAN,
            accuracy_generated: f64::NAN,
            macro_f1: f64::NAN,
            per_class: IndexMap::new(),
            confusion: Confusion::default(),
            ece: f64::NAN,
            brier: f64::NAN,
            polarity_accuracy: None,
            wheel_distance: None,
            images_per_s: f64::NAN,
            generated_images_per_s: f64::NAN,
        }
    }
}

impl Metrics {
    /// A class's figures as they are shown. A class without images has no recall, and one that is not predicted either has no
    /// precision and no F1. Those are NaN, also where an older document has 0.
    #[must_use]
    pub fn class(&self, label: &str) -> Option<ClassMetrics> {
        let class = *self.per_class.get(label)?;
        let column = self.confusion.labels.iter().position(|other| other == label);
        let said = column.map(|column| {
            let cells = self.confusion.counts.iter().filter_map(|row| row.get(column));
            cells.fold(0_u64, |sum, count| sum.saturating_add(*count))
        });
        let share = |of_something: bool, share: f64| if of_something { share } else { f64::NAN };
        let (there, said) = (class.support > 0, said != Some(0));
        Some(ClassMetrics {
            recall: share(there, class.recall),
            precision: share(there || said, class.precision),
            f1: share(there || said, class.f1),
            support: class.support,
        })
    }

    /// Corrects what older journals wrote for stage 1, which has no classifier: their zeros become NaN.
    pub(super) fn without_a_classifier(self) -> Self {
        Self {
            split: self.split,
            data: self.data,
            samples: self.samples,
            images_per_s: self.images_per_s,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_without_images_or_predictions_has_nan_shares() {
        let class = |support| ClassMetrics {
            support,
            ..ClassMetrics::default()
        };
        let labels = ["seen", "only said", "never"].map(str::to_owned);
        let metrics = Metrics {
            per_class: labels.iter().cloned().zip([2, 0, 0].map(class)).collect(),
            confusion: Confusion {
                labels: labels.to_vec(),
                counts: vec![vec![0, 2, 0], vec![0; 3], vec![0; 3]],
            },
            ..Metrics::default()
        };
        let numbers = labels.map(|label| {
            let class = metrics.class(&label).unwrap();
            [class.recall, class.precision, class.f1].map(f64::is_finite)
        });
        assert_eq!(numbers, [[true, true, true], [false, true, true], [false; 3]]);
        assert!(metrics.class("none").is_none());
    }
}
