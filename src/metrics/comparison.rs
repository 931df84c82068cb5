//! Two classifiers on the same samples.

use indexmap::IndexMap;
use serde::Serialize;

use super::{
    Estimate, McNemar, Resampling, Scored, accuracy, confusion, expected_calibration_error, intervals, macro_f1,
    mcnemar, per_class, predicted,
};

/// A sample as both classifiers see it.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    pub image: &'a str,
    pub a: Scored<'a>,
    pub b: Scored<'a>,
}

/// Figures of `compare --json` that follow from the predictions alone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    pub samples: usize,
    pub accuracy: Both,
    pub macro_f1: Both,
    /// Expected calibration error, 10 bins.
    pub ece: Both,
    pub mcnemar: McNemar,
    pub per_class: IndexMap<String, ClassDifference>,
    pub confusion_difference: ConfusionDifference,
    /// Samples that only one classifier predicts right, in the samples' order.
    pub flips: Vec<Flip>,
}

/// A figure of both classifiers, and of b minus a on the same resamples, with 95 % intervals.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Both {
    pub a: Estimate,
    pub b: Estimate,
    pub difference: Estimate,
}

/// Recall and F1 of one class, and how many samples there are of it; the recall of a class without any is NaN (JSON: null).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ClassDifference {
    pub support: usize,
    pub recall_a: f64,
    pub recall_b: f64,
    pub f1_a: f64,
    pub f1_b: f64,
}

/// `counts[gold][predicted]` of b minus those of a.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConfusionDifference {
    pub labels: Vec<String>,
    pub counts: Vec<Vec<i64>>,
}

/// A sample that only one classifier predicts right.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Flip {
    pub image: String,
    pub gold: String,
    pub a: String,
    pub b: String,
    /// Whether b is right (and a wrong).
    pub gained: bool,
}

/// Compares b with a.
#[must_use]
pub fn compare(labels: &[String], pairs: &[Pair]) -> Comparison {
    let (a, b): (Vec<Scored>, Vec<Scored>) = pairs.iter().map(|pair| (pair.a, pair.b)).unzip();
    let right = |row: &Scored| predicted(row.probabilities) == Some(row.gold);
    let rights: Vec<(bool, bool)> = a.iter().zip(&b).map(|(a, b)| (right(a), right(b))).collect();
    let statistics = |drawn: &[usize]| {
        let draw = |rows: &[Scored<'_>]| -> [f64; 3] {
            let rows: Vec<Scored> = drawn.iter().filter_map(|&index| rows.get(index).copied()).collect();
            [
                accuracy(&rows),
                macro_f1(labels.len(), &rows),
                expected_calibration_error(&rows),
            ]
        };
        let ([acc_a, f1_a, ece_a], [acc_b, f1_b, ece_b]) = (draw(&a), draw(&b));
        [
            acc_a,
            acc_b,
            acc_b - acc_a,
            f1_a,
            f1_b,
            f1_b - f1_a,
            ece_a,
            ece_b,
            ece_b - ece_a,
        ]
    };
    let [acc_a, acc_b, acc, f1_a, f1_b, f1, ece_a, ece_b, ece] =
        intervals(pairs.len(), statistics, Resampling::default());
    let both = |a, b, difference| Both { a, b, difference };
    Comparison {
        samples: pairs.len(),
        accuracy: both(acc_a, acc_b, acc),
        macro_f1: both(f1_a, f1_b, f1),
        ece: both(ece_a, ece_b, ece),
        mcnemar: mcnemar(&rights),
        per_class: class_differences(labels, &a, &b),
        confusion_difference: confusion_difference(labels, &a, &b),
        flips: pairs
            .iter()
            .zip(&rights)
            .filter_map(|(pair, right)| flip(labels, pair, *right))
            .collect(),
    }
}

fn class_differences(labels: &[String], a: &[Scored], b: &[Scored]) -> IndexMap<String, ClassDifference> {
    let of = |rows| per_class(labels.len(), rows);
    let classes = labels.iter().cloned().zip(of(a).into_iter().zip(of(b)));
    let difference = |(label, (a, b)): (String, (crate::session::ClassMetrics, crate::session::ClassMetrics))| {
        let recall = |class: &crate::session::ClassMetrics| if class.support > 0 { class.recall } else { f64::NAN };
        let difference = ClassDifference {
            support: a.support,
            recall_a: recall(&a),
            recall_b: recall(&b),
            f1_a: a.f1,
            f1_b: b.f1,
        };
        (label, difference)
    };
    classes.map(difference).collect()
}

fn confusion_difference(labels: &[String], a: &[Scored], b: &[Scored]) -> ConfusionDifference {
    let counts = |rows| confusion(labels, rows).counts;
    let row = |(a, b): (Vec<u64>, Vec<u64>)| a.iter().zip(&b).map(|(&a, &b)| b as i64 - a as i64).collect();
    ConfusionDifference {
        labels: labels.to_vec(),
        counts: counts(a).into_iter().zip(counts(b)).map(row).collect(),
    }
}

fn flip(labels: &[String], pair: &Pair, (right_a, right_b): (bool, bool)) -> Option<Flip> {
    let label = |index: Option<usize>| index.and_then(|index| labels.get(index).cloned()).unwrap_or_default();
    (right_a != right_b).then(|| Flip {
        image: pair.image.to_owned(),
        gold: label(Some(pair.a.gold)),
        a: label(predicted(pair.a.probabilities)),
        b: label(predicted(pair.b.probabilities)),
        gained: right_b,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(gold: usize, probabilities: &[f64]) -> Scored<'_> {
        Scored {
            gold,
            probabilities,
            generated: "",
        }
    }

    #[test]
    fn by_hand() {
        let labels = ["awe", "fear"].map(str::to_owned);
        let (awe, fear) = ([0.9, 0.1], [0.2, 0.8]);
        // gold awe: both right; gold awe: a wrong, b right; gold fear: a right, b wrong; gold fear: both right.
        let pair = |image, gold, a, b| Pair {
            image,
            a: scored(gold, a),
            b: scored(gold, b),
        };
        let pairs = [
            pair("1", 0, &awe, &awe),
            pair("2", 0, &fear, &awe),
            pair("3", 1, &fear, &awe),
            pair("4", 1, &fear, &fear),
        ];
        let got = compare(&labels, &pairs);
        assert_eq!(
            (
                got.accuracy.a.value,
                got.accuracy.b.value,
                got.accuracy.difference.value
            ),
            (0.75, 0.75, 0.0)
        );
        assert!(got.accuracy.difference.low < 0.0 && got.accuracy.difference.high > 0.0);
        assert_eq!(
            (got.mcnemar.only_first, got.mcnemar.only_second, got.mcnemar.p_value),
            (1, 1, 1.0)
        );
        assert_eq!(got.confusion_difference.counts, [[1, -1], [1, -1]]);
        assert_eq!(
            (got.per_class["awe"].recall_a, got.per_class["awe"].recall_b),
            (0.5, 1.0)
        );
        let flips: Vec<_> = got
            .flips
            .iter()
            .map(|flip| (flip.image.as_str(), flip.b.as_str(), flip.gained))
            .collect();
        assert_eq!(flips, [("2", "awe", true), ("3", "awe", false)]);
    }

    #[test]
    fn a_class_without_images_has_no_recall() {
        let labels = ["awe", "fear"].map(str::to_owned);
        let sure = [0.9, 0.1];
        let pair = Pair {
            image: "1",
            a: scored(0, &sure),
            b: scored(0, &sure),
        };
        let document = serde_json::to_value(compare(&labels, &[pair])).unwrap_or_default();
        let of = |class: &str| document["per_class"][class]["recall_a"].clone();
        assert_eq!(
            [of("awe"), of("fear")],
            [serde_json::json!(1.0), serde_json::Value::Null]
        );
    }

    #[test]
    fn every_figure_of_an_empty_comparison_is_a_number() {
        let got = compare(&["awe".to_owned()], &[]);
        assert_eq!(
            (got.samples, got.accuracy.difference, got.flips.len()),
            (0, Estimate::default(), 0)
        );
        assert!(serde_json::to_string(&got).is_ok_and(|text| !text.contains("null,\"high\"")));
    }
}
