//! Confidence intervals: a seeded percentile bootstrap over the samples.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

/// A figure with its confidence interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Estimate {
    pub value: f64,
    /// The interval's ends.
    pub low: f64,
    pub high: f64,
}

/// How the samples are resampled.
#[derive(Debug, Clone, Copy)]
pub struct Resampling {
    /// The number of resamples; with 0, the interval is the figure itself.
    pub resamples: usize,
    /// The share of the resamples' figures that the interval holds, in `[0, 1]`.
    pub confidence: f64,
    pub seed: u64,
}

impl Default for Resampling {
    /// A confidence of 95 % with 1,000 resamples.
    fn default() -> Self {
        Self {
            resamples: 1000,
            confidence: 0.95,
            seed: 3407,
        }
    }
}

/// Percentile intervals of several `statistics` at once. Each statistic is a function of the indices of the drawn samples
/// (with replacement, as many as there are). The ends are interpolated linearly between order statistics.
#[must_use]
pub fn intervals<const N: usize>(
    samples: usize,
    statistics: impl Fn(&[usize]) -> [f64; N],
    resampling: Resampling,
) -> [Estimate; N] {
    let mut drawn: Vec<usize> = (0..samples).collect();
    let values = statistics(&drawn);
    let mut random = ChaCha8Rng::seed_from_u64(resampling.seed);
    let mut columns = [const { Vec::new() }; N];
    let resamples = if samples == 0 { 0 } else { resampling.resamples };
    for _ in 0..resamples {
        drawn
            .iter_mut()
            .for_each(|index| *index = random.random_range(0..samples));
        let figures = statistics(&drawn);
        columns
            .iter_mut()
            .zip(figures)
            .for_each(|(column, figure)| column.push(figure));
    }
    let outside = (1.0 - resampling.confidence.clamp(0.0, 1.0)) / 2.0;
    let mut estimates = [Estimate::default(); N];
    for ((estimate, value), column) in estimates.iter_mut().zip(values).zip(&mut columns) {
        column.sort_unstable_by(f64::total_cmp);
        *estimate = Estimate {
            value,
            low: quantile(column, outside).unwrap_or(value),
            high: quantile(column, 1.0 - outside).unwrap_or(value),
        };
    }
    estimates
}

/// The quantile of sorted values; None without values.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share * sorted.len().checked_sub(1)? as f64;
    let at = |index: f64| sorted.get(index as usize).copied();
    let (below, above) = (at(place.floor())?, at(place.ceil())?);
    Some(below + (above - below) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: Resampling = Resampling {
        resamples: 2000,
        confidence: 0.95,
        seed: 3407,
    };

    fn mean_of(gains: &[f64], resampling: Resampling) -> Estimate {
        let mean = |drawn: &[usize]| [drawn.iter().map(|&i| gains[i]).sum::<f64>() / gains.len().max(1) as f64];
        intervals(gains.len(), mean, resampling)[0]
    }

    #[test]
    fn the_interval_is_near_the_normal_one() {
        // 400 samples: 60 only the second has right, 20 only the first. The difference is .1, its standard
        // error sqrt((80/400 - .1^2) / 400) = .0218, so the normal interval is .0573 to .1427.
        let mut gains = vec![0.0; 320];
        gains.extend([1.0].repeat(60));
        gains.extend([-1.0].repeat(20));
        let got = mean_of(&gains, MANY);
        assert!((got.value - 0.1).abs() < 1e-12);
        assert!((got.low - 0.0573).abs() < 0.005, "{got:?}");
        assert!((got.high - 0.1427).abs() < 0.005, "{got:?}");
        assert_eq!(got, mean_of(&gains, MANY));
        assert_ne!(got, mean_of(&gains, Resampling { seed: 3408, ..MANY }));
    }

    #[test]
    fn nothing_is_defined() {
        assert_eq!(mean_of(&[], MANY), Estimate::default());
        let one = mean_of(&[1.0], Resampling { resamples: 0, ..MANY });
        assert_eq!((one.value, one.low, one.high), (1.0, 1.0, 1.0));
    }

    #[test]
    fn quantiles_by_hand() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.0), Some(1.0));
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), Some(3.0));
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 1.0), Some(4.0));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
