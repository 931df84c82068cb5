//! Curves of samples in the order of a score: precision and recall, risk and coverage.

/// A point of a curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

/// Precision (`y`) at each recall (`x`), from the highest score on; samples of the same score come together. `samples` are
/// `(score, whether it is of the class)`. Empty if none is of the class.
#[must_use]
pub fn precision_recall(samples: &[(f64, bool)]) -> Vec<Point> {
    let positive = samples.iter().filter(|(_, positive)| *positive).count();
    if positive == 0 {
        return Vec::new();
    }
    let of = |taken: usize, hits: usize| Point {
        x: super::share(hits, positive),
        y: super::share(hits, taken),
    };
    ranked(samples, of)
}

/// The mean of the precisions at each sample of the class (step-wise, without interpolation); `None` for an empty curve.
#[must_use]
pub fn average_precision(curve: &[Point]) -> Option<f64> {
    area(curve)
}

/// The share of errors (`y`) among the most confident samples, for each share of samples (`x`) that they are. `samples` are
/// `(confidence, whether it is right)`.
#[must_use]
pub fn risk_coverage(samples: &[(f64, bool)]) -> Vec<Point> {
    let of = |taken: usize, right: usize| Point {
        x: super::share(taken, samples.len()),
        y: 1.0 - super::share(right, taken),
    };
    ranked(samples, of)
}

/// The mean risk over all coverages, for each sample as many as are at least as confident; `None` for an empty curve.
#[must_use]
pub fn mean_risk(curve: &[Point]) -> Option<f64> {
    area(curve)
}

/// The area under the steps of a curve that begins at 0.
fn area(curve: &[Point]) -> Option<f64> {
    curve.last()?;
    let mut before = 0.0;
    let areas = curve.iter().map(|point| {
        let width = point.x - before;
        before = point.x;
        width * point.y
    });
    Some(areas.sum())
}

/// A point for each distinct score, the highest first: of how many samples were taken, and how many of them are true.
/// Scores that are no numbers come last.
fn ranked(samples: &[(f64, bool)], of: impl Fn(usize, usize) -> Point) -> Vec<Point> {
    let mut sorted: Vec<(f64, bool)> = samples
        .iter()
        .map(|&(score, is)| (if score.is_nan() { f64::NEG_INFINITY } else { score }, is))
        .collect();
    sorted.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let (mut taken, mut hits) = (0, 0);
    let mut points = Vec::new();
    for same in sorted.chunk_by(|(a, _), (b, _)| a == b) {
        taken += same.len();
        hits += same.iter().filter(|(_, is)| *is).count();
        points.push(of(taken, hits));
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(points: &[Point]) -> Vec<(f64, f64)> {
        points.iter().map(|point| (point.x, point.y)).collect()
    }

    #[test]
    fn precision_and_recall_by_hand() {
        let samples = [(0.2, false), (0.9, true), (0.8, false), (0.7, true)];
        let curve = precision_recall(&samples);
        assert_eq!(pairs(&curve), [(0.5, 1.0), (0.5, 0.5), (1.0, 2.0 / 3.0), (1.0, 0.5)]);
        assert_eq!(average_precision(&curve), Some(0.5 + 0.5 * 2.0 / 3.0));
        assert_eq!(precision_recall(&[(0.1, false)]), []);
        assert_eq!(average_precision(&[]), None);
    }

    #[test]
    fn equal_scores_come_together() {
        let samples = [(0.5, true), (0.5, false), (f64::NAN, true)];
        assert_eq!(pairs(&precision_recall(&samples)), [(0.5, 0.5), (1.0, 2.0 / 3.0)]);
    }

    #[test]
    fn risk_falls_with_confidence_where_confidence_is_right() {
        let samples = [(0.9, true), (0.8, true), (0.6, false), (0.5, true)];
        let curve = risk_coverage(&samples);
        let third = 1.0 - 2.0 / 3.0;
        assert_eq!(pairs(&curve), [(0.25, 0.0), (0.5, 0.0), (0.75, third), (1.0, 0.25)]);
        assert_eq!(mean_risk(&curve), Some(0.25 * third + 0.25 * 0.25));
        assert_eq!(risk_coverage(&[]), []);
    }
}
