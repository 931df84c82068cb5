//! Figures of a classifier of emotions, and of two classifiers against each other.
//!
//! Shares and means over samples are 0 for no samples. NaN means no figure: [`summarise`] gives it for no samples,
//! [`per_class`] for a class without them, [`jensen_shannon`] for a distribution without weight. A sample whose probabilities
//! are NaN has no prediction and counts as wrong.

mod bootstrap;
mod calibration;
mod classification;
mod comparison;
mod divergence;
mod estimates;
mod generated;
mod mcnemar;
mod pointing;
mod ranking;
mod spread;
mod summary;
mod wheel;
mod wilson;

pub use bootstrap::{Estimate, Resampling, intervals};
pub use calibration::{Bin, brier_score, expected_calibration_error, reliability};
pub use classification::{accuracy, confusion, macro_f1, per_class, predicted};
pub use comparison::{Both, ClassDifference, Comparison, Flip, Pair, compare};
pub use divergence::jensen_shannon;
pub use estimates::{Estimates, estimates};
pub use generated::{accuracy_generated, generated_label};
pub use mcnemar::{McNemar, mcnemar};
pub use pointing::{BoundingBox, expected_hit_rate, pointing_hit};
pub use ranking::{Point, average_precision, mean_risk, precision_recall, risk_coverage};
pub use spread::{MeanDifference, Spread};
pub use summary::{Speed, summarise};
pub use wheel::{MIKELS_WHEEL, Polarity, polarity, polarity_accuracy, wheel_distance};
pub use wilson::wilson;

/// One evaluated sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored<'a> {
    /// Index of the gold label.
    pub gold: usize,
    /// One for each label, in the label list's order.
    pub probabilities: &'a [f64],
    /// The greedy answer, decoded without special tokens, not trimmed.
    pub generated: &'a str,
}

/// `part / whole`; 0 if `whole` is 0.
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
