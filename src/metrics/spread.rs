//! Figures over the runs of a group, and of one group against another.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// A figure over runs that differ by their seed alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    pub mean: f64,
    /// The sample's standard deviation (n - 1); `None` for one run.
    pub deviation: Option<f64>,
    pub n: usize,
}

/// The mean of one group minus that of another, with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanDifference {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

impl Spread {
    /// Of the values that are finite; `None` where there are none.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        let n = finite.len();
        if n == 0 {
            return None;
        }
        let mean = finite.iter().sum::<f64>() / n as f64;
        let squares: f64 = finite.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (n > 1).then(|| (squares / (n - 1) as f64).sqrt());
        Some(Self { mean, deviation, n })
    }

    /// This mean minus that of `other`, by Welch's t test, which assumes neither equal spreads nor equal seeds. `None` where
    /// a group has one run: its spread is not known.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Option<MeanDifference> {
        let variance = |group: &Self| Some(group.deviation?.powi(2) / group.n as f64);
        let (a, b) = (variance(self)?, variance(other)?);
        let value = self.mean - other.mean;
        let error = (a + b).sqrt();
        if error == 0.0 {
            return Some(MeanDifference {
                value,
                low: value,
                high: value,
            });
        }
        // Welch and Satterthwaite's degrees of freedom.
        let part = |variance: f64, n: usize| variance.powi(2) / (n - 1) as f64;
        let freedom = (a + b).powi(2) / (part(a, self.n) + part(b, other.n));
        let quantile = StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(0.975);
        Some(MeanDifference {
            value,
            low: value - quantile * error,
            high: value + quantile * error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_deviation_by_hand() {
        let spread = Spread::of(&[1.0, 2.0, f64::NAN, 4.0]).unwrap();
        assert_eq!(spread.n, 3);
        assert!((spread.mean - 7.0 / 3.0).abs() < 1e-12);
        assert!((spread.deviation.unwrap() - (7.0_f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!(Spread::of(&[0.5]).unwrap().deviation, None);
        assert_eq!(Spread::of(&[f64::NAN]), None);
    }

    /// By hand, with the quantile 2.5951977 for 4.8468973 degrees of freedom (Simpson's rule on Student's density).
    #[test]
    fn the_interval_is_welchs() {
        let a = Spread::of(&[0.912, 0.905, 0.921]).unwrap();
        let b = Spread::of(&[0.88, 0.902, 0.871, 0.893]).unwrap();
        let found = a.minus(&b).unwrap();
        let expected = [0.026_166_667, 0.004_683_229, 0.047_650_104];
        for (found, expected) in [found.value, found.low, found.high].into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} against {expected}");
        }
        assert_eq!(Spread::of(&[1.0]).unwrap().minus(&b), None);
        let constant = Spread::of(&[0.5, 0.5]).unwrap();
        let none = constant.minus(&constant).unwrap();
        assert_eq!((none.low, none.high), (0.0, 0.0));
    }
}
