//! All figures of one evaluation at once.

use super::{
    Scored, accuracy, accuracy_generated, brier_score, confusion, expected_calibration_error, macro_f1, per_class,
    polarity_accuracy, wheel_distance,
};
use crate::session::Metrics;

/// How fast an evaluation ran.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Speed {
    /// Scoring the labels, vision included.
    pub images_per_s: f64,
    /// Greedy answers.
    pub generated_images_per_s: f64,
}

/// The figures of a split's samples; all are NaN without samples. A speed that is not finite (nothing was timed) becomes 0.
#[must_use]
pub fn summarise(labels: &[String], rows: &[Scored], split: &str, speed: Speed) -> Metrics {
    let classes = labels.len();
    let finite = |speed: f64| if speed.is_finite() { speed } else { 0.0 };
    if rows.is_empty() {
        return Metrics {
            split: split.to_owned(),
            per_class: labels.iter().cloned().zip(per_class(classes, rows)).collect(),
            confusion: confusion(labels, rows),
            ..Metrics::default()
        };
    }
    Metrics {
        split: split.to_owned(),
        data: None,
        samples: rows.len(),
        accuracy: accuracy(rows),
        accuracy_generated: accuracy_generated(labels, rows),
        macro_f1: macro_f1(classes, rows),
        per_class: labels.iter().cloned().zip(per_class(classes, rows)).collect(),
        confusion: confusion(labels, rows),
        ece: expected_calibration_error(rows),
        brier: brier_score(classes, rows),
        polarity_accuracy: polarity_accuracy(labels, rows),
        wheel_distance: wheel_distance(labels, rows),
        images_per_s: finite(speed.images_per_s),
        generated_images_per_s: finite(speed.generated_images_per_s),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_has_all_documented_keys() -> serde_json::Result<()> {
        let labels = ["positive", "negative"].map(str::to_owned);
        let rows = [
            Scored {
                gold: 0,
                probabilities: &[0.8, 0.2],
                generated: "Positive",
            },
            Scored {
                gold: 1,
                probabilities: &[0.7, 0.3],
                generated: "negative\n",
            },
        ];
        let speed = Speed {
            images_per_s: 12.0,
            generated_images_per_s: f64::INFINITY,
        };
        let document = serde_json::to_value(summarise(&labels, &rows, "test", speed))?;
        let expected = serde_json::json!({
            "split": "test", "samples": 2, "accuracy": 0.5, "accuracy_generated": 1.0,
            "macro_f1": 1.0 / 3.0,
            "per_class": {
                "positive": {"recall": 1.0, "precision": 0.5, "f1": 2.0 / 3.0, "support": 1},
                "negative": {"recall": 0.0, "precision": 0.0, "f1": 0.0, "support": 1},
            },
            "confusion": {"labels": labels, "counts": [[1, 0], [1, 0]]},
            "ece": document["ece"], "brier": document["brier"],
            "polarity_accuracy": 0.5, "wheel_distance": null,
            "images_per_s": 12.0, "generated_images_per_s": 0.0,
        });
        assert_eq!(document, expected);
        // A class without images has no recall, and 0 would be a valid recall.
        let three = ["positive", "negative", "neutral"].map(str::to_owned);
        let seen = serde_json::to_value(summarise(&three, &rows, "test", speed))?;
        let absent = serde_json::json!({"recall": null, "precision": null, "f1": null, "support": 0});
        assert_eq!(seen["per_class"]["neutral"], absent);
        assert_eq!(seen["macro_f1"], document["macro_f1"]);
        // |(1 - .8)| and |0 - .7| stand in bins of their own; (.04 + .04 + .49 + .49) / 2.
        assert!((document["ece"].as_f64().unwrap_or(-1.0) - 0.45).abs() < 1e-12);
        assert!((document["brier"].as_f64().unwrap_or(-1.0) - 0.53).abs() < 1e-12);
        Ok(())
    }

    #[test]
    fn figures_of_an_empty_evaluation_are_nan() {
        let labels = ["positive", "negative"].map(str::to_owned);
        let metrics = summarise(&labels, &[], "val", Speed::default());
        let figures = [
            metrics.accuracy,
            metrics.accuracy_generated,
            metrics.macro_f1,
            metrics.ece,
            metrics.brier,
            metrics.per_class["positive"].recall,
        ];
        assert!(
            metrics.samples == 0 && figures.iter().all(|figure| figure.is_nan()),
            "{figures:?}"
        );
        assert_eq!(summarise(&[], &[], "val", Speed::default()).confusion.counts.len(), 0);
    }
}
