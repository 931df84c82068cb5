//! Accuracy, confusion, precision, recall and F1 of the most likely label.

use super::{Scored, share};
use crate::session::{ClassMetrics, Confusion};

/// The index of the largest probability, on a tie the first. None where every probability is NaN.
#[must_use]
pub fn predicted(probabilities: &[f64]) -> Option<usize> {
    let numbers = probabilities.iter().copied().enumerate().filter(|(_, p)| !p.is_nan());
    let largest = numbers.reduce(|best, next| if next.1 > best.1 { next } else { best });
    largest.map(|(index, _)| index)
}

/// Share of samples whose most likely label is the gold one.
#[must_use]
pub fn accuracy(rows: &[Scored]) -> f64 {
    let right = rows.iter().filter(|row| predicted(row.probabilities) == Some(row.gold));
    share(right.count(), rows.len())
}

/// `counts[gold][predicted]`. A sample without a prediction is not counted.
#[must_use]
pub fn confusion(labels: &[String], rows: &[Scored]) -> Confusion {
    let mut counts = vec![vec![0; labels.len()]; labels.len()];
    for row in rows {
        let column = predicted(row.probabilities);
        let cell = column.and_then(|column| counts.get_mut(row.gold)?.get_mut(column));
        if let Some(count) = cell {
            *count += 1;
        }
    }
    Confusion {
        labels: labels.to_vec(),
        counts,
    }
}

/// The figures of each of `classes` labels. Support counts the gold samples. A class without gold samples has recall NaN.
/// A class with gold samples that is never predicted has precision 0. A class with neither has NaN for every figure.
#[must_use]
pub fn per_class(classes: usize, rows: &[Scored]) -> Vec<ClassMetrics> {
    let mut tallies = vec![Tally::default(); classes];
    for row in rows {
        let column = predicted(row.probabilities);
        if let Some(tally) = tallies.get_mut(row.gold) {
            tally.gold += 1;
            tally.right += usize::from(column == Some(row.gold));
        }
        if let Some(tally) = column.and_then(|column| tallies.get_mut(column)) {
            tally.predicted += 1;
        }
    }
    tallies.into_iter().map(Tally::metrics).collect()
}

/// Mean F1 of the classes that occur as gold label or as prediction. A class that does not occur (in a
/// small subset) says nothing about the classifier and is left out.
#[must_use]
pub fn macro_f1(classes: usize, rows: &[Scored]) -> f64 {
    let mut occurs = vec![false; classes];
    for row in rows {
        for index in [Some(row.gold), predicted(row.probabilities)].into_iter().flatten() {
            if let Some(occurs) = occurs.get_mut(index) {
                *occurs = true;
            }
        }
    }
    let f1 = per_class(classes, rows);
    let those: Vec<f64> = f1
        .iter()
        .zip(occurs)
        .filter(|(_, occurs)| *occurs)
        .map(|(class, _)| class.f1)
        .collect();
    if those.is_empty() {
        0.0
    } else {
        those.iter().sum::<f64>() / those.len() as f64
    }
}

#[derive(Clone, Default)]
struct Tally {
    gold: usize,
    predicted: usize,
    right: usize,
}

impl Tally {
    fn metrics(self) -> ClassMetrics {
        let known = |is: bool, share: f64| if is { share } else { f64::NAN };
        let occurs = self.gold + self.predicted > 0;
        ClassMetrics {
            recall: known(self.gold > 0, share(self.right, self.gold)),
            precision: known(occurs, share(self.right, self.predicted)),
            f1: known(occurs, share(2 * self.right, self.gold + self.predicted)),
            support: self.gold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAN: f64 = f64::NAN;

    fn row(gold: usize, probabilities: &[f64]) -> Scored<'_> {
        Scored {
            gold,
            probabilities,
            generated: "",
        }
    }

    /// Gold 0: predicted 0, 0, 1; gold 1: predicted 1, none; class 2 never occurs.
    fn rows() -> [Scored<'static>; 5] {
        [
            row(0, &[0.7, 0.2, 0.1]),
            row(0, &[0.4, 0.4, 0.2]),
            row(0, &[0.1, 0.6, 0.3]),
            row(1, &[NAN, 0.5, 0.2]),
            row(1, &[NAN, NAN, NAN]),
        ]
    }

    #[test]
    fn by_hand() {
        let rows = rows();
        assert_eq!(accuracy(&rows), 3.0 / 5.0);
        let labels = ["a", "b", "c"].map(str::to_owned);
        let counts = vec![vec![2, 1, 0], vec![0, 1, 0], vec![0, 0, 0]];
        assert_eq!(confusion(&labels, &rows).counts, counts);
        let classes = per_class(3, &rows);
        let expected = [
            ClassMetrics {
                recall: 2.0 / 3.0,
                precision: 1.0,
                f1: 0.8,
                support: 3,
            },
            ClassMetrics {
                recall: 0.5,
                precision: 0.5,
                f1: 0.5,
                support: 2,
            },
        ];
        assert_eq!(classes[..2], expected);
        let absent = classes[2];
        let figures = [absent.recall, absent.precision, absent.f1];
        assert!(
            absent.support == 0 && figures.iter().all(|figure| figure.is_nan()),
            "{absent:?}"
        );
        assert_eq!(macro_f1(3, &rows), 0.65);
    }

    #[test]
    fn a_class_that_is_only_predicted_counts_in_macro_f1() {
        let rows = [row(0, &[0.9, 0.1, 0.0]), row(0, &[0.1, 0.9, 0.0])];
        assert_eq!(macro_f1(3, &rows), 1.0 / 3.0);
        let predicted = per_class(3, &rows)[1];
        assert!(predicted.recall.is_nan() && (predicted.precision, predicted.f1) == (0.0, 0.0));
    }

    #[test]
    fn empty_and_invalid_input_is_defined() {
        assert_eq!((accuracy(&[]), macro_f1(2, &[])), (0.0, 0.0));
        let outside = [row(7, &[0.5, 0.5]), row(0, &[])];
        assert_eq!(accuracy(&outside), 0.0);
        assert_eq!(per_class(1, &outside)[0].support, 1);
        assert_eq!(confusion(&["a".to_owned()], &outside).counts, [[0]]);
        assert_eq!(predicted(&[f64::NEG_INFINITY, NAN, f64::NEG_INFINITY]), Some(0));
    }
}
