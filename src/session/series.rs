//! The history of a stage: its steps' metrics, its evaluations, and the smoothing of a noisy series.

use std::collections::HashMap;

use super::{Evaluation, Step};

/// An optimiser step as it is kept for the curves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepPoint {
    /// Counts from 1 in its stage.
    pub step: u64,
    /// Seconds of work up to the end of the step; pauses and the time between two processes do not count.
    pub at: f64,
    pub epoch: f64,
    /// In nats; NaN where it was not finite.
    pub loss: f64,
    pub lr: f64,
    pub grad_norm: f64,
    pub samples_per_s: f64,
    /// In `[0, 1]`; NaN where it is not known.
    pub cache_hits: f64,
}

impl StepPoint {
    /// The point of `step`, done after `at` seconds of work.
    #[must_use]
    pub const fn new(step: &Step, at: f64) -> Self {
        Self {
            step: step.step,
            at,
            epoch: step.epoch,
            loss: step.loss,
            lr: step.lr,
            grad_norm: step.grad_norm,
            samples_per_s: step.samples_per_s,
            cache_hits: match step.cache_hits {
                Some(share) => share,
                None => f64::NAN,
            },
        }
    }
}

/// One stage's history; steps and evaluations are in the order of their steps.
#[derive(Debug, Clone, Default)]
pub struct StageHistory {
    pub steps: Vec<StepPoint>,
    pub evaluations: Vec<Evaluation>,
    /// Index into `steps` of the first step of the process that runs now: the pace is measured from there.
    pace_from: usize,
}

/// The pace is the mean over at most so many steps.
const PACE_WINDOW: usize = 200;
/// The throughput and the share of cache hits are means over at most so many steps.
const THROUGHPUT_WINDOW: usize = 20;

impl StageHistory {
    /// Drops everything after `step`; the pace is measured anew from there.
    pub fn forget_after(&mut self, step: u64) {
        self.steps
            .truncate(self.steps.partition_point(|point| point.step <= step));
        self.evaluations.retain(|evaluation| evaluation.step <= step);
        self.pace_from = self.steps.len();
    }

    /// Drops all steps and evaluations but those that the recent pace and the next comparison need.
    pub fn forget_past(&mut self) {
        let past = self.steps.len().saturating_sub(PACE_WINDOW + 1);
        // Drop steps in bulk: every drain moves all the steps that stay.
        if past > PACE_WINDOW {
            self.steps.drain(..past);
            self.pace_from = self.pace_from.saturating_sub(past);
        }
        self.evaluations.drain(..self.evaluations.len().saturating_sub(2));
    }

    /// Adds an evaluation. A repeated one, because a user asked for it or its process had ended during it, replaces the
    /// earlier one of the same step and kind.
    pub fn evaluate(&mut self, evaluation: Evaluation) {
        let of_step = self.evaluations.partition_point(|made| made.step < evaluation.step);
        let again = |made: &Evaluation| made.step == evaluation.step && made.is_like(&evaluation);
        let made = self
            .evaluations
            .get(of_step..)
            .unwrap_or_default()
            .iter()
            .position(again);
        if let Some(place) = made {
            self.evaluations.remove(of_step + place);
        }
        self.evaluations.push(evaluation);
    }

    /// The evaluations in two parts. The first makes one curve, because all are of the same split and number of images: the
    /// most frequent kind, on a tie the one with more images. The second part holds the evaluations of all other kinds.
    #[must_use]
    pub fn alike(&self) -> (Vec<&Evaluation>, Vec<&Evaluation>) {
        let mut often: HashMap<(&str, usize), usize> = HashMap::new();
        for seen in &self.evaluations {
            *often.entry(seen.kind()).or_default() += 1;
        }
        let usual = often
            .into_iter()
            .max_by_key(|&((split, samples), often)| (often, samples, split));
        let usual = usual.map(|(kind, _)| kind);
        self.evaluations.iter().partition(|seen| Some(seen.kind()) == usual)
    }

    /// The last step's number, 0 before the first.
    #[must_use]
    pub fn last_step(&self) -> u64 {
        self.steps.last().map_or(0, |point| point.step)
    }

    /// Mean seconds per step over the recent steps, evaluations and checkpoints between them included.
    #[must_use]
    pub fn seconds_per_step(&self) -> Option<f64> {
        let from = self.pace_from.max(self.steps.len().saturating_sub(PACE_WINDOW));
        let (first, last) = (self.steps.get(from)?, self.steps.last()?);
        let steps = last.step.checked_sub(first.step).filter(|&steps| steps > 0)?;
        Some((last.at - first.at) / steps as f64)
    }

    /// Recent samples per second: the harmonic mean of the last steps' rates. For equal batches this equals all samples over
    /// all seconds.
    #[must_use]
    pub fn throughput(&self) -> Option<f64> {
        let rates = self
            .steps
            .iter()
            .rev()
            .take(THROUGHPUT_WINDOW)
            .map(|point| point.samples_per_s);
        let (count, seconds) = rates
            .filter(|rate| rate.is_finite() && *rate > 0.0)
            .fold((0_u32, 0.0), |(count, seconds), rate| (count + 1, seconds + 1.0 / rate));
        (count > 0).then(|| f64::from(count) / seconds)
    }

    /// The recent share of images whose features came from the cache, so that they skipped the vision tower; None if unknown.
    #[must_use]
    pub fn cache_hits(&self) -> Option<f64> {
        let shares = self.steps.iter().rev().take(THROUGHPUT_WINDOW);
        let shares = shares.map(|point| point.cache_hits).filter(|share| share.is_finite());
        let (count, sum) = shares.fold((0_u32, 0.0), |(count, sum), share| (count + 1, sum + share));
        (count > 0).then(|| sum / f64::from(count))
    }
}

/// Exponential moving average with Adam's correction of the bias towards its start; values that are not finite are skipped.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ema {
    weight: f64,
    sum: f64,
    norm: f64,
}

impl Ema {
    /// `weight` in `[0, 1)`: the share of the past; 0 smooths nothing.
    #[must_use]
    pub const fn new(weight: f64) -> Self {
        Self {
            weight,
            sum: 0.0,
            norm: 0.0,
        }
    }

    /// Adds `value` and returns the average; NaN before the first finite value.
    pub fn next(&mut self, value: f64) -> f64 {
        if value.is_finite() {
            self.sum = self.weight * self.sum + (1.0 - self.weight) * value;
            self.norm = self.weight * self.norm + (1.0 - self.weight);
        }
        self.sum / self.norm
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_skips_values_that_are_not_finite() {
        let smoothed = |weight| {
            let mut ema = Ema::new(weight);
            [1.0, f64::NAN, 3.0].map(|loss| ema.next(loss))
        };
        assert_eq!(smoothed(0.5), [1.0, 1.0, 1.75 / 0.75]);
        assert_eq!(smoothed(0.0), [1.0, 1.0, 3.0]);
    }
}
