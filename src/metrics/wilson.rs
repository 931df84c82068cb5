//! The interval of a share of few samples.

use super::Estimate;

/// The normal distribution's quantile for 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// The share `part / whole` with its 95 % interval by Wilson's score, which is not empty for a share of 0 or 1 as a
/// bootstrap's is. None for no samples.
#[must_use]
pub fn wilson(part: usize, whole: usize) -> Option<Estimate> {
    if whole == 0 {
        return None;
    }
    let (n, share) = (whole as f64, part as f64 / whole as f64);
    let scale = 1.0 / (1.0 + Z * Z / n);
    let middle = scale * (share + Z * Z / (2.0 * n));
    let half = scale * Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    Some(Estimate {
        value: share,
        low: (middle - half).max(0.0),
        high: (middle + half).min(1.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: for 8 of 10 the middle is (.8 + .19207) / 1.38415 = .71674, the half .22659.
    #[test]
    fn by_hand() {
        let found = wilson(8, 10).unwrap();
        assert_eq!(found.value, 0.8);
        assert!(
            (found.low - 0.4902).abs() < 1e-4 && (found.high - 0.9433).abs() < 1e-4,
            "{found:?}"
        );
        let all = wilson(20, 20).unwrap();
        assert!(all.high == 1.0 && (all.low - 0.8389).abs() < 1e-4, "{all:?}");
        let none = wilson(0, 20).unwrap();
        assert!(none.low == 0.0 && (none.high - 0.1611).abs() < 1e-4, "{none:?}");
        assert_eq!(wilson(0, 0), None);
    }
}
