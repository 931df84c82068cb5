//! McNemar's test: do two classifiers differ on the same samples?

use serde::Serialize;

/// The test is exact if fewer samples than this are right for only one of the two.
const EXACT_BELOW: u64 = 25;

/// The test's outcome.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct McNemar {
    /// Samples that only the first classifier has right.
    pub only_first: u64,
    /// Samples that only the second one has right.
    pub only_second: u64,
    /// Chi-square with continuity correction, one degree of freedom; absent where the test is exact.
    pub chi_square: Option<f64>,
    /// Two-sided; 1 where the classifiers never differ.
    pub p_value: f64,
}

/// Takes one pair for each sample (the first is right, the second is right). The exact binomial test where fewer
/// than 25 pairs differ, else chi-square with continuity correction.
#[must_use]
pub fn mcnemar(pairs: &[(bool, bool)]) -> McNemar {
    let count = |pair| pairs.iter().filter(|other| **other == pair).count() as u64;
    let (only_first, only_second) = (count((true, false)), count((false, true)));
    let differing = only_first + only_second;
    let (chi_square, p_value) = if differing < EXACT_BELOW {
        (None, exact(only_first.min(only_second), differing))
    } else {
        let apart = only_first.abs_diff(only_second).saturating_sub(1) as f64;
        let chi_square = apart * apart / differing as f64;
        (Some(chi_square), libm::erfc((chi_square / 2.0).sqrt()))
    };
    McNemar {
        only_first,
        only_second,
        chi_square,
        p_value,
    }
}

/// Twice the chance of `fewer` or less heads in `n` tosses of a fair coin, at most 1.
fn exact(fewer: u64, n: u64) -> f64 {
    let mut term = 0.5_f64.powi(n as i32);
    let mut tail = term;
    for k in 0..fewer {
        term *= (n - k) as f64 / (k + 1) as f64;
        tail += term;
    }
    (2.0 * tail).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(only_first: usize, only_second: usize) -> Vec<(bool, bool)> {
        let mut pairs = vec![(true, true), (false, false)];
        pairs.extend([(true, false)].repeat(only_first));
        pairs.extend([(false, true)].repeat(only_second));
        pairs
    }

    fn close(got: f64, expected: f64) {
        assert!(
            (got - expected).abs() < 1e-12 * expected.max(1e-3),
            "{got} is not {expected}"
        );
    }

    #[test]
    fn few_pairs_are_tested_exactly() {
        // 2 (1 + 10 + 45) / 2^10.
        let test = mcnemar(&pairs(2, 8));
        assert_eq!((test.only_first, test.only_second, test.chi_square), (2, 8, None));
        close(test.p_value, 112.0 / 1024.0);
        close(mcnemar(&pairs(1, 0)).p_value, 1.0);
        close(mcnemar(&pairs(6, 6)).p_value, 1.0);
        close(mcnemar(&[]).p_value, 1.0);
    }

    #[test]
    fn many_pairs_are_tested_by_chi_square() {
        // (|10 - 30| - 1)^2 / 40 = 9.025; p from tables of the normal distribution at 3.00416...
        let test = mcnemar(&pairs(10, 30));
        assert_eq!(test.chi_square, Some(9.025));
        assert!((test.p_value - 0.002_663).abs() < 1e-6, "{}", test.p_value);
        let even = mcnemar(&pairs(20, 20));
        assert_eq!((even.chi_square, even.p_value), (Some(0.0), 1.0));
    }
}
