//! The figures of one evaluation with their intervals.

use super::{
    Estimate, Resampling, Scored, accuracy, accuracy_generated, brier_score, expected_calibration_error, intervals,
    macro_f1, polarity_accuracy, wheel_distance,
};

/// Figures over all samples, with 95 % bootstrap intervals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimates {
    pub accuracy: Estimate,
    pub accuracy_generated: Estimate,
    pub macro_f1: Estimate,
    /// Expected calibration error, 10 bins.
    pub ece: Estimate,
    pub brier: Estimate,
    /// None where the classes have no polarity.
    pub polarity_accuracy: Option<Estimate>,
    /// None where the classes are not Mikels' eight.
    pub wheel_distance: Option<Estimate>,
}

/// The figures of `rows`, and their intervals over the same resamples.
#[must_use]
pub fn estimates(labels: &[String], rows: &[Scored]) -> Estimates {
    let classes = labels.len();
    // A mean over samples is the mean of what each sample alone gives, which is computed once and not for each resample.
    let alone = |figure: &dyn Fn(&[Scored]) -> f64| -> Vec<f64> { rows.chunks(1).map(figure).collect() };
    let figures = [
        alone(&accuracy),
        alone(&|row| accuracy_generated(labels, row)),
        alone(&|row| brier_score(classes, row)),
        alone(&|row| polarity_accuracy(labels, row).unwrap_or_default()),
        alone(&|row| wheel_distance(labels, row).unwrap_or_default()),
    ];
    let statistics = |drawn: &[usize]| {
        let mean = |values: &Vec<f64>| {
            let drawn_values = drawn.iter().filter_map(|&index| values.get(index));
            drawn_values.sum::<f64>() / drawn.len().max(1) as f64
        };
        let [accuracy, generated, brier, polarity, wheel] = figures.each_ref().map(mean);
        let drawn: Vec<Scored> = drawn.iter().filter_map(|&index| rows.get(index).copied()).collect();
        let (f1, ece) = (macro_f1(classes, &drawn), expected_calibration_error(&drawn));
        [accuracy, generated, f1, ece, brier, polarity, wheel]
    };
    let [accuracy, generated, f1, ece, brier, polarity, wheel] =
        intervals(rows.len(), statistics, Resampling::default());
    Estimates {
        accuracy,
        accuracy_generated: generated,
        macro_f1: f1,
        ece,
        brier,
        polarity_accuracy: polarity_accuracy(labels, rows).map(|_| polarity),
        wheel_distance: wheel_distance(labels, rows).map(|_| wheel),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::classes::MIKELS;
    use crate::metrics::{Speed, summarise};

    #[test]
    fn the_figures_are_those_of_the_summary_and_lie_in_their_intervals() {
        let labels = MIKELS.map(str::to_owned);
        let probabilities: Vec<Vec<f64>> = (0..60_usize)
            .map(|n| {
                let said = if n % 5 == 0 { (n + 4) % 8 } else { n % 8 };
                (0..8).map(|class| if class == said { 0.65 } else { 0.05 }).collect()
            })
            .collect();
        let rows: Vec<Scored> = probabilities
            .iter()
            .enumerate()
            .map(|(n, probabilities)| Scored {
                gold: n % 8,
                probabilities,
                generated: MIKELS[(n / 5) % 8],
            })
            .collect();
        let found = estimates(&labels, &rows);
        let whole = summarise(&labels, &rows, "test", Speed::default());
        for (estimate, figure) in [
            (found.accuracy, whole.accuracy),
            (found.accuracy_generated, whole.accuracy_generated),
            (found.macro_f1, whole.macro_f1),
            (found.ece, whole.ece),
            (found.brier, whole.brier),
            (found.polarity_accuracy.unwrap(), whole.polarity_accuracy.unwrap()),
            (found.wheel_distance.unwrap(), whole.wheel_distance.unwrap()),
        ] {
            assert!((estimate.value - figure).abs() < 1e-12, "{estimate:?} is not {figure}");
            assert!(estimate.low < figure && figure < estimate.high, "{estimate:?}");
        }
        assert_eq!(estimates(&["a".to_owned()], &[]).polarity_accuracy, None);
    }
}
