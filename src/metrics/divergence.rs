//! The divergence of two distributions.

/// The Jensen-Shannon divergence (Lin 1991) of two distributions in bits, in `[0, 1]`. Each is scaled to sum to 1, and a
/// share that is not finite counts as 0. NaN if their lengths differ or one of them sums to 0.
#[must_use]
pub fn jensen_shannon(p: &[f32], q: &[f32]) -> f64 {
    let scaled = |values: &[f32]| -> Vec<f64> {
        let values = values
            .iter()
            .map(|&v| if v.is_finite() { f64::from(v.max(0.0)) } else { 0.0 });
        let values: Vec<f64> = values.collect();
        let sum: f64 = values.iter().sum();
        values.into_iter().map(|v| v / sum).collect()
    };
    if p.len() != q.len() || p.is_empty() {
        return f64::NAN;
    }
    let (p, q) = (scaled(p), scaled(q));
    let toward = |a: &[f64], b: &[f64]| -> f64 {
        let term = |(&a, &b): (&f64, &f64)| if a == 0.0 { 0.0 } else { a * (2.0 * a / (a + b)).log2() };
        a.iter().zip(b).map(term).sum()
    };
    (toward(&p, &q) + toward(&q, &p)) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        assert_eq!(jensen_shannon(&[1.0, 0.0], &[0.0, 3.0]), 1.0);
        assert_eq!(jensen_shannon(&[0.2, 0.8], &[1.0, 4.0]), 0.0);
        // m = (.75, .25): (log2(1/.75) + .5 log2(.5/.75) + .5 log2(.5/.25)) / 2.
        let expected = ((1.0_f64 / 0.75).log2() + 0.5 * (0.5_f64 / 0.75).log2() + 0.5) / 2.0;
        assert!((jensen_shannon(&[1.0, 0.0], &[0.5, 0.5]) - expected).abs() < 1e-12);
    }

    #[test]
    fn invalid_distributions_give_nan() {
        assert!(jensen_shannon(&[1.0], &[0.5, 0.5]).is_nan() && jensen_shannon(&[], &[]).is_nan());
        assert!(jensen_shannon(&[0.0, 0.0], &[1.0, 0.0]).is_nan());
    }
}
