//! Axes whose ends grow in steps. A continuously scrolling axis would repaint the whole curve; a fixed one repaints a
//! few cells.

/// The end of an axis that must include `value`: the next of 1, 1.5, 2, 3, 4, 5, 6, 8, 10 times a power of ten.
#[must_use]
pub fn grown(value: f64) -> f64 {
    if !value.is_finite() || value <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(value.log10().floor());
    let steps = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    steps
        .into_iter()
        .map(|step| step * power)
        .find(|&end| end >= value)
        .unwrap_or(10.0 * power)
}

/// An axis with round ticks. Its ends are multiples of a quarter of the tick step, so that they seldom move and little
/// space is wasted.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    pub lo: f64,
    pub hi: f64,
    /// Evenly spaced within the ends; at least two.
    pub ticks: Vec<f64>,
    /// The number of decimals that distinguishes the ticks.
    pub decimals: usize,
}

impl Axis {
    /// The axis that holds `lo..=hi` with at most about `wanted` intervals.
    #[must_use]
    pub fn new(lo: f64, hi: f64, wanted: usize) -> Self {
        let (lo, hi) = if lo.is_finite() && hi.is_finite() && lo <= hi {
            (lo, hi)
        } else {
            (0.0, 1.0)
        };
        let range = if hi - lo > 1e-9 * hi.abs().max(1e-3) {
            hi - lo
        } else {
            hi.abs().max(1.0) * 0.1
        };
        let step = round_step(range / wanted.max(1) as f64);
        let quarter = step / 4.0;
        let first = (lo / quarter).floor();
        let last = (hi / quarter).ceil().max(first + 1.0);
        let (lo, hi) = (first * quarter, last * quarter);
        let inside = ((first / 4.0).ceil() as i64)..=((last / 4.0).floor() as i64);
        let ticks: Vec<f64> = inside.map(|n| n as f64 * step).collect();
        let (ticks, step) = if ticks.len() < 2 {
            (vec![lo, hi], quarter)
        } else {
            (ticks, step)
        };
        Self {
            lo,
            hi,
            ticks,
            decimals: decimals(step),
        }
    }

    /// A tick's label.
    #[must_use]
    pub fn label(&self, tick: f64) -> String {
        format!("{:.*}", self.decimals, if tick == 0.0 { 0.0 } else { tick })
    }
}

/// The fewest decimals, at most nine, that represent `step` exactly.
fn decimals(step: f64) -> usize {
    let exact = |&n: &usize| {
        let scaled = step * 10f64.powi(n as i32);
        (scaled - scaled.round()).abs() < 1e-6 * scaled
    };
    (0..9).find(exact).unwrap_or(9)
}

/// The smallest of 1, 2, 5, 10 times a power of ten that is not below `step`.
fn round_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0];
    steps
        .into_iter()
        .map(|n| n * power)
        .find(|&n| n >= step * (1.0 - 1e-9))
        .unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_grows_in_steps() {
        assert_eq!(
            [
                grown(0.0),
                grown(1.0),
                grown(11.0),
                grown(20.0),
                grown(20.5),
                grown(999.0)
            ],
            [1.0, 1.0, 15.0, 20.0, 30.0, 1000.0]
        );
    }

    #[test]
    fn ticks_are_round_and_hold_the_data() {
        let axis = Axis::new(0.37, 2.71, 4);
        assert_eq!((axis.lo, axis.hi, axis.ticks), (0.25, 2.75, vec![1.0, 2.0]));
        let axis = Axis::new(0.512, 0.548, 4);
        assert_eq!(
            axis.ticks.iter().map(|&tick| axis.label(tick)).collect::<Vec<_>>(),
            ["0.51", "0.52", "0.53", "0.54", "0.55"]
        );
        let axis = Axis::new(0.3, 1.9, 1);
        assert_eq!(
            axis.ticks.iter().map(|&tick| axis.label(tick)).collect::<Vec<_>>(),
            ["0", "2"]
        );
        let axis = Axis::new(0.6, 1.4, 1);
        assert_eq!(
            axis.ticks,
            [0.5, 1.5],
            "where only one tick lies within, the ends are labelled"
        );
        for (lo, hi) in [(f64::NAN, 1.0), (2.0, 2.0), (0.0, 0.0), (-3.0, 1e12)] {
            let axis = Axis::new(lo, hi, 5);
            assert!(
                axis.lo < axis.hi && axis.ticks.len() >= 2 && axis.ticks.len() <= 9,
                "{axis:?}"
            );
        }
    }
}
