//! How sure the difference of two accuracies on the same samples is: a seeded percentile bootstrap.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

/// The second classifier's accuracy less the first one's, and where it would lie on other samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AccuracyDifference {
    pub difference: f64,
    /// The interval's ends.
    pub low: f64,
    pub high: f64,
}

/// Of pairs (the first is right, the second is right), one for each sample: draws the samples anew, with
/// replacement, `resamples` times, and gives the percentile interval that holds `confidence` (in `[0, 1]`) of
/// the differences, between order statistics linearly. All 0 for no samples; without resamples the interval
/// is the difference itself.
#[must_use]
pub fn accuracy_difference(
    pairs: &[(bool, bool)],
    resamples: usize,
    confidence: f64,
    seed: u64,
) -> AccuracyDifference {
    let gains: Vec<i64> = pairs
        .iter()
        .map(|&(first, second)| i64::from(second) - i64::from(first))
        .collect();
    if gains.is_empty() {
        return AccuracyDifference {
            difference: 0.0,
            low: 0.0,
            high: 0.0,
        };
    }
    let mean = |sum: i64| sum as f64 / gains.len() as f64;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = || {
        gains
            .get(random.random_range(0..gains.len()))
            .copied()
            .unwrap_or(0)
    };
    let mut sums: Vec<i64> = (0..resamples)
        .map(|_| (0..gains.len()).map(|_| draw()).sum())
        .collect();
    sums.sort_unstable();
    let difference = mean(gains.iter().sum());
    let outside = (1.0 - confidence.clamp(0.0, 1.0)) / 2.0;
    let end = |share| quantile(&sums, share).map_or(difference, |sum| sum / gains.len() as f64);
    AccuracyDifference {
        difference,
        low: end(outside),
        high: end(1.0 - outside),
    }
}

/// Of sorted values; none of none.
fn quantile(sorted: &[i64], share: f64) -> Option<f64> {
    let place = share * sorted.len().checked_sub(1)? as f64;
    let at = |index: f64| sorted.get(index as usize).map(|value| *value as f64);
    let (below, above) = (at(place.floor())?, at(place.ceil())?);
    Some(below + (above - below) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_near_the_normal_one() {
        // 400 samples: 60 only the second has right, 20 only the first. The difference is .1, its standard
        // error sqrt((80/400 - .1^2) / 400) = .0218, so the normal interval is .0573 to .1427.
        let mut pairs = vec![(true, true); 320];
        pairs.extend([(false, true)].repeat(60));
        pairs.extend([(true, false)].repeat(20));
        let got = accuracy_difference(&pairs, 2_000, 0.95, 3407);
        assert!((got.difference - 0.1).abs() < 1e-12);
        assert!((got.low - 0.0573).abs() < 0.005, "{got:?}");
        assert!((got.high - 0.1427).abs() < 0.005, "{got:?}");
        assert_eq!(got, accuracy_difference(&pairs, 2_000, 0.95, 3407));
        assert_ne!(got, accuracy_difference(&pairs, 2_000, 0.95, 3408));
    }

    #[test]
    fn nothing_is_defined() {
        let zero = AccuracyDifference {
            difference: 0.0,
            low: 0.0,
            high: 0.0,
        };
        assert_eq!(accuracy_difference(&[], 100, 0.95, 1), zero);
        assert_eq!(accuracy_difference(&[(true, true)], 100, 0.95, 1), zero);
        let one = accuracy_difference(&[(false, true)], 0, 0.95, 1);
        assert_eq!(
            one,
            AccuracyDifference {
                difference: 1.0,
                low: 1.0,
                high: 1.0
            }
        );
    }

    #[test]
    fn quantiles_by_hand() {
        assert_eq!(quantile(&[1, 2, 4], 0.0), Some(1.0));
        assert_eq!(quantile(&[1, 2, 4], 0.75), Some(3.0));
        assert_eq!(quantile(&[1, 2, 4], 1.0), Some(4.0));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
