//! Figures over the runs of a group as a person reads them.

use super::column::{Cell, Column};
use crate::{
    figures::signed,
    metrics::{MeanDifference, Spread},
};

impl Column {
    /// `84.2 ± 1.3 %`, of one run `84.2 %`; with the number of runs where not all `runs` of the group have the figure.
    #[must_use]
    pub fn shown_spread(&self, spread: &Spread, runs: usize) -> String {
        let shown = |value: f64| self.shown(&Cell::Number(value));
        let mean = shown(spread.mean);
        let text = match spread.deviation {
            None => mean,
            Some(deviation) => format!("{} ± {}", mean.strip_suffix(" %").unwrap_or(&mean), shown(deviation)),
        };
        if spread.n == runs {
            text
        } else {
            format!("{text} (n {})", spread.n)
        }
    }

    /// `-1.3 [-2.9, +0.3]`: percentage points of shares, else the figure's own unit.
    #[must_use]
    pub fn shown_difference(&self, found: &MeanDifference) -> String {
        let is_share = self.shown(&Cell::Number(0.0)).ends_with('%');
        let shown = |value: f64| {
            if is_share {
                signed(100.0 * value, 1)
            } else {
                signed(value, 3)
            }
        };
        format!("{} [{}, {}]", shown(found.value), shown(found.low), shown(found.high))
    }
}
