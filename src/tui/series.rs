//! A run's metric as a plot shows it, and its values at a single step.

use super::{decimate::Decimated, metric::Metric};
use crate::session::{Ema, Evaluation, StageHistory, StepPoint};

/// What a plot shows.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Window {
    pub metric: Metric,
    /// Whether the axis is logarithmic.
    pub log: bool,
    /// The weight of the smoothing, see [`Ema`].
    pub weight: f64,
    /// The steps at the left and the right edge.
    pub from: f64,
    pub to: f64,
    /// The number of dot columns; two per cell.
    pub dots: usize,
}

impl Window {
    /// The step that a column of dots stands for.
    #[must_use]
    pub fn step_of(&self, dot: usize) -> f64 {
        self.from + (self.to - self.from) * dot as f64 / self.dots.saturating_sub(1).max(1) as f64
    }

    /// Where a step lies: 0 at the left edge, 1 at the right one.
    #[must_use]
    pub fn share_of(&self, step: f64) -> f64 {
        (step - self.from) / (self.to - self.from)
    }

    #[must_use]
    pub fn holds(&self, step: f64) -> bool {
        self.from <= step && step <= self.to
    }

    /// The value on the axis; NaN if it has no logarithm.
    fn scaled(&self, value: f64) -> f64 {
        match self.log {
            true if value > 0.0 => value.log10(),
            true => f64::NAN,
            false => value,
        }
    }
}

/// The metric reduced to the plot's dots; kept between frames, so that a frame only processes new points.
#[derive(Debug, Clone, Default)]
pub struct Series {
    window: Window,
    /// The number of the history's steps that are processed or are before the window.
    taken: usize,
    ema: Ema,
    pub raw: Decimated,
    pub smooth: Decimated,
    /// Step and value of the evaluations of the most frequent kind (split and number of images). Those outside the
    /// window are included, because lines lead to them.
    pub evaluated: Vec<(f64, f64)>,
    /// Step and value of the evaluations of other kinds; no line joins them.
    pub apart: Vec<(f64, f64)>,
}

impl Series {
    #[must_use]
    pub fn new(window: Window) -> Self {
        let columns = Decimated::new(window.from, window.to, window.dots);
        Self {
            window,
            ema: Ema::new(window.weight),
            raw: columns.clone(),
            smooth: columns,
            ..Self::default()
        }
    }

    #[must_use]
    pub const fn window(&self) -> &Window {
        &self.window
    }

    /// Processes the new part of the history.
    pub fn follow(&mut self, history: &StageHistory) {
        let window = self.window;
        let steps = &history.steps;
        let before = steps.partition_point(|point| (point.step as f64) < window.from);
        let from = self.taken.max(before.saturating_sub(memory(window.weight)));
        let to = steps.partition_point(|point| point.step as f64 <= window.to).max(from);
        for point in steps.get(from..to).unwrap_or_default() {
            let Some(value) = window.metric.of(point) else { break };
            let smoothed = self.ema.next(value);
            if point.step as f64 >= window.from {
                self.raw.push(point.step, window.scaled(value));
                self.smooth.push(point.step, window.scaled(smoothed));
            }
        }
        self.taken = to;
        let points = |evaluations: Vec<&Evaluation>| {
            let points = evaluations.into_iter().filter_map(|evaluation| {
                let value = window.scaled(window.metric.of_evaluation(evaluation)?);
                Some((evaluation.step as f64, value))
            });
            points.filter(|(_, value)| value.is_finite()).collect()
        };
        let (alike, others) = history.alike();
        (self.evaluated, self.apart) = (points(alike), points(others));
    }
}

/// The number of steps after which a value no longer counts in an average of this weight.
fn memory(weight: f64) -> usize {
    const NOTHING: f64 = 1e-12;
    if weight > 0.0 {
        (NOTHING.ln() / weight.ln()).ceil() as usize
    } else {
        0
    }
}

/// A run's values of a metric at one step; all empty beyond the run's end, except for `ended_at`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Reading {
    /// `None` for metrics that only evaluations have.
    pub value: Option<f64>,
    pub smoothed: Option<f64>,
    /// The value in the last evaluation of the most frequent kind up to that step.
    pub evaluated: Option<f64>,
    /// The value in the last evaluation of another kind up to that step, with its number of images, unless it is older
    /// than `evaluated`.
    pub apart: Option<(f64, usize)>,
    /// The run's last step, if it is before the requested one.
    pub ended_at: Option<u64>,
}

impl Reading {
    /// The values at the logged step nearest to `at`; `None`: at the newest step.
    #[must_use]
    pub fn of(history: &StageHistory, metric: Metric, weight: f64, at: Option<u64>) -> Self {
        let last = history.last_step();
        if at.is_some_and(|at| at > last) {
            return Self {
                ended_at: Some(last),
                ..Self::default()
            };
        }
        let at = at.unwrap_or(u64::MAX);
        let place = nearest(&history.steps, at, |point: &StepPoint| point.step);
        let point = place.and_then(|place| history.steps.get(place));
        let smoothed = place.and_then(|place| {
            let mut ema = Ema::new(weight);
            let past = history.steps.get(place.saturating_sub(memory(weight))..=place)?;
            let average = past.iter().map(|point| Some(ema.next(metric.of(point)?)));
            average.last().flatten()
        });
        let newest = |evaluations: Vec<&Evaluation>| {
            let mut until = evaluations.into_iter().rev().filter(|evaluation| evaluation.step <= at);
            until.find_map(|seen| Some((seen.step, metric.of_evaluation(seen)?, seen.metrics.samples)))
        };
        let (alike, others) = history.alike();
        let (evaluated, apart) = (newest(alike), newest(others));
        let is_newer = |step: u64| evaluated.is_none_or(|(of, ..)| step >= of);
        Self {
            value: point.and_then(|point| metric.of(point)),
            smoothed,
            evaluated: evaluated.map(|(_, value, _)| value),
            apart: apart
                .filter(|(step, ..)| is_newer(*step))
                .map(|(_, value, samples)| (value, samples)),
            ended_at: None,
        }
    }
}

/// The index of the item whose step is nearest to `at`; of two equally near, the earlier one. Items must be sorted by
/// step.
pub fn nearest<T>(items: &[T], at: u64, step: impl Fn(&T) -> u64) -> Option<usize> {
    let after = items.partition_point(|item| step(item) < at);
    let far = |place: usize| items.get(place).map(|item| step(item).abs_diff(at));
    match (after.checked_sub(1).and_then(far), far(after)) {
        (Some(before), Some(next)) if next < before => Some(after),
        (None, Some(_)) => Some(after),
        (None, None) => None,
        _ => Some(after - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Metrics, Stage};

    /// Steps 1, 1 + every, ... with a peak at `peak`.
    fn history(count: u64, every: u64, peak: u64) -> StageHistory {
        let point = |n: u64| StepPoint {
            step: 1 + n * every,
            at: 0.0,
            epoch: 0.0,
            loss: if 1 + n * every == peak {
                99.0
            } else {
                (n as f64 * 0.37).sin()
            },
            lr: 1e-3,
            grad_norm: 1.0,
            samples_per_s: 1.0,
            cache_hits: 1.0,
        };
        let mut history = StageHistory::default();
        history.steps.extend((0..count).map(point));
        history
    }

    fn window(from: f64, to: f64) -> Window {
        Window {
            weight: 0.9,
            from,
            to,
            dots: 100,
            ..Window::default()
        }
    }

    #[test]
    fn a_window_keeps_its_peaks_and_leaves_out_the_others() {
        let history = history(1_000_000, 1, 500_123);
        let peaks = |from, to| {
            let mut series = Series::new(window(from, to));
            series.follow(&history);
            let columns = series.raw.columns().to_vec();
            let peaks = columns.iter().flatten().filter(|column| column.max == 99.0).count();
            let filled = columns.iter().flatten().count();
            (peaks, filled)
        };
        assert_eq!(peaks(0.0, 1e6), (1, 100));
        assert_eq!(peaks(500_000.0, 501_000.0), (1, 100));
        assert_eq!(peaks(500_120.0, 500_130.0), (1, 11));
        assert_eq!(peaks(400_000.0, 450_000.0), (0, 100));
    }

    #[test]
    fn a_window_smooths_as_the_whole_curve_does() {
        let history = history(20_000, 1, 11_990);
        let mut whole = Series::new(Window {
            dots: 20_001,
            ..window(0.0, 20_000.0)
        });
        whole.follow(&history);
        let mut part = Series::new(Window {
            dots: 101,
            ..window(12_000.0, 12_100.0)
        });
        part.follow(&history);
        for (n, column) in part.smooth.columns().iter().enumerate() {
            let (part, whole) = (column.unwrap().last, whole.smooth.columns()[12_000 + n].unwrap().last);
            assert!((part - whole).abs() < 1e-9, "step {}: {part} {whole}", 12_000 + n);
            let read = Reading::of(&history, Metric::Loss, 0.9, Some(12_000 + n as u64));
            assert!((read.smoothed.unwrap() - whole).abs() < 1e-9);
        }
    }

    #[test]
    fn points_added_one_by_one_equal_points_added_at_once() {
        let all = history(900, 1, 400);
        let mut followed = Series::new(window(100.0, 800.0));
        for count in [0, 50, 99, 100, 101, 250, 799, 800, 900] {
            let mut history = StageHistory::default();
            history.steps.extend_from_slice(&all.steps[..count]);
            followed.follow(&history);
        }
        let mut at_once = Series::new(window(100.0, 800.0));
        at_once.follow(&all);
        assert_eq!(followed.raw.columns(), at_once.raw.columns());
        assert_eq!(followed.smooth.columns(), at_once.smooth.columns());
    }

    #[test]
    fn beyond_its_end_a_run_has_no_values() {
        let mut history = history(5, 10, 21);
        history.evaluate(evaluation(41, 96, 0.5));
        for metric in [Metric::Loss, Metric::Accuracy] {
            let read = |at| Reading::of(&history, metric, 0.9, at);
            let beyond = Reading {
                ended_at: Some(41),
                ..Reading::default()
            };
            assert_eq!([read(Some(42)), read(Some(9999))], [beyond; 2]);
            assert_eq!(read(None), read(Some(41)));
            assert!(read(None).value.or(read(None).evaluated).is_some());
        }
    }

    #[test]
    fn evaluations_of_other_images_are_a_separate_series() {
        let mut history = history(5, 10, 21);
        for (step, samples, accuracy) in [(11, 96, 0.5), (21, 96, 0.6), (41, 96, 0.7), (41, 400, 0.65)] {
            history.evaluate(evaluation(step, samples, accuracy));
        }
        // Repeating an evaluation does not add a second point.
        history.evaluate(evaluation(41, 96, 0.7));
        let mut series = Series::new(Window {
            metric: Metric::Accuracy,
            ..window(0.0, 50.0)
        });
        series.follow(&history);
        let shown = |points: &[(f64, f64)]| points.iter().map(|(step, v)| (*step, v.round())).collect::<Vec<_>>();
        assert_eq!(shown(&series.evaluated), [(11.0, 50.0), (21.0, 60.0), (41.0, 70.0)]);
        assert_eq!(shown(&series.apart), [(41.0, 65.0)]);
        let read = |at| Reading::of(&history, Metric::Accuracy, 0.0, Some(at));
        assert_eq!((read(41).evaluated, read(41).apart), (Some(70.0), Some((65.0, 400))));
        assert_eq!((read(30).evaluated, read(30).apart), (Some(60.0), None));
    }

    fn evaluation(step: u64, samples: usize, accuracy: f64) -> Evaluation {
        Evaluation {
            stage: Stage::Prompt,
            step,
            loss: 1.0,
            aspect_accuracy: Vec::new(),
            metrics: Metrics {
                split: "val".to_owned(),
                samples,
                accuracy,
                ..Metrics::default()
            },
            predictions: None,
        }
    }

    #[test]
    fn the_nearest_logged_step_is_read() {
        let history = history(5, 10, 21);
        let value = |at| Reading::of(&history, Metric::Loss, 0.0, at).value;
        assert_eq!([20, 24, 17].map(|at| value(Some(at))), [Some(99.0); 3]);
        assert_ne!(value(Some(16)), Some(99.0), "of two the earlier one");
        assert_eq!(value(None), value(Some(41)));
        assert_eq!(Reading::of(&history, Metric::Accuracy, 0.0, None), Reading::default());
        assert_eq!(nearest(&[] as &[u64], 3, |&step| step), None);
        assert_eq!(
            [0, 14, 15, 16, 99].map(|at| nearest(&[10, 20], at, |&step| step)),
            [Some(0), Some(0), Some(0), Some(1), Some(1)]
        );
    }
}
