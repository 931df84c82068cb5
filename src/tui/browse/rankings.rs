//! What an evaluation's rows say in order: the confusions by their number, the classes by their recall, and the curves of
//! scores. Computed once, because a hundred thousand rows take too long for a frame.

use rayon::prelude::*;

use crate::metrics::{Point, Scored, average_precision, mean_risk, precision_recall, predicted, risk_coverage};

/// The most points of a curve that are kept; no terminal shows more.
const POINTS: usize = 400;

/// Images of one class that were given another one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Confusion {
    pub gold: usize,
    pub predicted: usize,
    pub images: u32,
    /// Their share of the gold class's images.
    pub share: f64,
}

/// A curve, and the mean of its values over its axis.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ranking {
    pub points: Vec<(f64, f64)>,
    /// NaN for an empty curve.
    pub mean: f64,
}

/// All confusions of a matrix `[gold][predicted]`, the most frequent first.
#[must_use]
pub fn confusions(matrix: &[Vec<u32>]) -> Vec<Confusion> {
    let of_row = |(gold, row): (usize, &Vec<u32>)| -> Vec<Confusion> {
        let all: u32 = row.iter().sum();
        let wrong = row
            .iter()
            .enumerate()
            .filter(|&(predicted, &images)| predicted != gold && images > 0);
        wrong
            .map(|(predicted, &images)| Confusion {
                gold,
                predicted,
                images,
                share: f64::from(images) / f64::from(all),
            })
            .collect()
    };
    let mut found: Vec<Confusion> = matrix.iter().enumerate().flat_map(of_row).collect();
    found.sort_by_key(|confusion| std::cmp::Reverse(confusion.images));
    found
}

/// The classes, the lowest recall first; those without images last.
#[must_use]
pub fn by_recall(recalls: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..recalls.len()).collect();
    let key = |class: &usize| {
        if recalls[*class].is_nan() {
            f64::INFINITY
        } else {
            recalls[*class]
        }
    };
    order.sort_by(|a, b| key(a).total_cmp(&key(b)));
    order
}

/// Precision by recall, for each class against all others; the mean is the average precision.
#[must_use]
pub fn of_classes(classes: usize, scored: &[Scored]) -> Vec<Ranking> {
    let of = |class: usize| {
        let samples: Vec<(f64, bool)> = scored
            .iter()
            .filter_map(|sample| Some((*sample.probabilities.get(class)?, sample.gold == class)))
            .collect();
        let curve = precision_recall(&samples);
        ranking(&curve, average_precision(&curve))
    };
    (0..classes).into_par_iter().map(of).collect()
}

/// The share of errors among the most confident images.
#[must_use]
pub fn of_confidence(scored: &[Scored]) -> Ranking {
    let confidence = |sample: &Scored| {
        let class = predicted(sample.probabilities)?;
        Some((*sample.probabilities.get(class)?, class == sample.gold))
    };
    let samples: Vec<(f64, bool)> = scored
        .iter()
        .map(|sample| confidence(sample).unwrap_or((f64::NAN, false)))
        .collect();
    let curve = risk_coverage(&samples);
    ranking(&curve, mean_risk(&curve))
}

fn ranking(curve: &[Point], mean: Option<f64>) -> Ranking {
    let step = curve.len().div_ceil(POINTS).max(1);
    let last = curve.len().saturating_sub(1);
    let kept = curve.iter().enumerate().filter(|(n, _)| n % step == 0 || *n == last);
    Ranking {
        points: kept.map(|(_, point)| (point.x, point.y)).collect(),
        mean: mean.unwrap_or(f64::NAN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confusions_are_listed_by_their_number() {
        let found = confusions(&[vec![5, 1, 0], vec![3, 6, 0], vec![0, 1, 0]]);
        let seen: Vec<_> = found
            .iter()
            .map(|confusion| (confusion.gold, confusion.predicted, confusion.images))
            .collect();
        assert_eq!(seen, [(1, 0, 3), (0, 1, 1), (2, 1, 1)]);
        assert_eq!(found[0].share, 1.0 / 3.0);
    }

    #[test]
    fn the_worst_class_comes_first_and_unknown_ones_last() {
        assert_eq!(by_recall(&[0.9, f64::NAN, 0.2, 0.5]), [2, 3, 0, 1]);
    }

    #[test]
    fn curves_keep_their_ends_and_their_means() {
        let curve: Vec<Point> = (1..=1000)
            .map(|n| Point {
                x: f64::from(n) / 1000.0,
                y: 0.5,
            })
            .collect();
        let kept = ranking(&curve, average_precision(&curve));
        assert!(kept.points.len() <= POINTS + 1);
        assert_eq!((kept.points[0].0, kept.points.last().unwrap().0), (0.001, 1.0));
        assert!((kept.mean - 0.5).abs() < 1e-9);
        assert!(ranking(&[], None).mean.is_nan());
    }
}
