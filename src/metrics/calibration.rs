//! Calibration of probabilities: expected calibration error and Brier score.

use super::{Scored, classification::predicted};

const BINS: usize = 10;

/// Samples whose most likely label's probability lies in one range.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Bin {
    pub samples: usize,
    /// Samples whose most likely label is the gold one.
    pub right: usize,
    /// The sum of the most likely labels' probabilities.
    pub confidence: f64,
}

/// The reliability diagram: ten bins of equal width of the most likely label's probability (each closed below, the last
/// one on both sides). A sample without a prediction has confidence 0.
#[must_use]
pub fn reliability(rows: &[Scored]) -> Vec<Bin> {
    let mut bins = vec![Bin::default(); BINS];
    for row in rows {
        let prediction = predicted(row.probabilities);
        let confidence = prediction
            .and_then(|index| row.probabilities.get(index))
            .map_or(0.0, |p| p.clamp(0.0, 1.0));
        if let Some(bin) = bins.get_mut(((confidence * BINS as f64) as usize).min(BINS - 1)) {
            bin.samples += 1;
            bin.right += usize::from(prediction == Some(row.gold));
            bin.confidence += confidence;
        }
    }
    bins
}

/// Expected calibration error: the mean over samples of |accuracy - confidence| of the sample's bin of
/// [`reliability`]. In `[0, 1]`; 0 for no samples.
#[must_use]
pub fn expected_calibration_error(rows: &[Scored]) -> f64 {
    // A bin's count cancels against the mean over samples.
    let gaps = reliability(rows)
        .into_iter()
        .map(|bin| (bin.right as f64 - bin.confidence).abs());
    mean(gaps.sum(), rows.len())
}

/// Brier score over all classes: the mean over samples of the sum of squared differences between
/// probabilities and the gold label's one-hot vector; a NaN is taken as 0. In `[0, 2]`; 0 for no samples.
#[must_use]
pub fn brier_score(classes: usize, rows: &[Scored]) -> f64 {
    let of_row = |row: &Scored| -> f64 {
        let term = |class: usize| {
            let p = row.probabilities.get(class).copied().unwrap_or(0.0);
            let p = if p.is_finite() { p } else { 0.0 };
            (p - f64::from(u8::from(class == row.gold))).powi(2)
        };
        (0..classes).map(term).sum()
    };
    mean(rows.iter().map(of_row).sum(), rows.len())
}

fn mean(sum: f64, count: usize) -> f64 {
    if count == 0 { 0.0 } else { sum / count as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(gold: usize, probabilities: &[f64]) -> Scored<'_> {
        Scored {
            gold,
            probabilities,
            generated: "",
        }
    }

    fn close(got: f64, expected: f64) {
        assert!((got - expected).abs() < 1e-12, "{got} is not {expected}");
    }

    #[test]
    fn calibration_by_hand() {
        // Bin 6: confidences .6 (right) and .65 (wrong): |1 - 1.25| = .25. Bin 9: .95 right, 1.0 wrong:
        // |1 - 1.95| = .95. Bin 5: .5 (its lower edge) right: .5. In all 1.7 over 5 samples.
        let rows = [
            row(0, &[0.6, 0.4]),
            row(1, &[0.65, 0.35]),
            row(1, &[0.05, 0.95]),
            row(1, &[1.0, 0.0]),
            row(0, &[0.5, 0.5]),
        ];
        close(expected_calibration_error(&rows), 1.7 / 5.0);
    }

    #[test]
    fn brier_by_hand() {
        close(
            brier_score(2, &[row(0, &[0.6, 0.4]), row(1, &[1.0, 0.0])]),
            (0.32 + 2.0) / 2.0,
        );
    }

    #[test]
    fn empty_input_and_nan_are_defined() {
        assert_eq!((expected_calibration_error(&[]), brier_score(3, &[])), (0.0, 0.0));
        let nan = [
            row(0, &[f64::NAN, f64::NAN]),
            row(1, &[]),
            row(0, &[f64::INFINITY, 0.0]),
        ];
        close(expected_calibration_error(&nan), 0.0);
        close(brier_score(2, &nan), 1.0);
    }
}
