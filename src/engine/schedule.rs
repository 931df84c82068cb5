//! The learning rate over a stage's steps, as in `transformers.get_scheduler`.

use crate::config::Schedule;
use crate::session::HIGHEST_RATE;

/// A learning-rate schedule: a warm-up, then the shape.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LearningRate {
    pub peak: f64,
    pub warmup: u64,
    pub total: u64,
    pub shape: Schedule,
}

impl LearningRate {
    /// A warm-up of `ceil(ratio * total)` steps.
    #[must_use]
    pub fn new(peak: f64, warmup_ratio: f64, total: u64, shape: Schedule) -> Self {
        Self {
            peak,
            warmup: (warmup_ratio * total as f64).ceil() as u64,
            total,
            shape,
        }
    }

    /// Scales the schedule so that the rate of `step` is `rate`; later steps follow the same shape.
    ///
    /// # Errors
    /// A sentence if the schedule is 0 at `step`, which no factor changes, or would rise above [`HIGHEST_RATE`].
    pub fn set(&mut self, step: u64, rate: f64) -> Result<(), String> {
        let share = Self { peak: 1.0, ..*self }.at(step);
        if share <= 0.0 {
            return Err(
                "the schedule's learning rate is 0 at the next step, whatever you set; set it one step later"
                    .to_owned(),
            );
        }
        let changed = Self {
            peak: rate / share,
            ..*self
        };
        let highest = changed.highest_from(step);
        if highest.is_nan() || highest > HIGHEST_RATE {
            return Err(format!(
                "a learning rate of {rate:e} at this step of the warm-up leads to a peak of {highest:e}; at most \
                 {HIGHEST_RATE} is allowed, so set a lower one, or set it later"
            ));
        }
        *self = changed;
        Ok(())
    }

    /// The highest rate from `step` on: the schedule rises to its peak, then falls.
    #[must_use]
    pub fn highest_from(&self, step: u64) -> f64 {
        self.at(step.max(self.warmup + 1))
    }

    /// The rate of `step`, which counts from 1; with a warm-up the first one is 0.
    #[must_use]
    pub fn at(&self, step: u64) -> f64 {
        let done = step.saturating_sub(1);
        if self.shape == Schedule::Constant {
            return self.peak;
        }
        if done < self.warmup {
            return self.peak * done as f64 / self.warmup as f64;
        }
        let left = self.total.saturating_sub(self.warmup).max(1);
        let share = ((done - self.warmup) as f64 / left as f64).min(1.0);
        self.peak
            * match self.shape {
                Schedule::Linear => 1.0 - share,
                Schedule::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * share).cos()),
                Schedule::Constant | Schedule::ConstantWithWarmup => 1.0,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_rate_holds_at_its_step_and_the_schedule_continues_from_it() {
        let mut rate = LearningRate::new(1e-3, 0.1, 100, Schedule::Linear);
        assert!(rate.set(1, 5e-4).is_err(), "the warm-up begins at 0");
        assert_eq!(rate.peak, 1e-3);
        let (now, later) = (rate.at(60), rate.at(80));
        assert!(rate.set(60, now).is_ok() && (rate.peak - 1e-3).abs() < 1e-15);
        assert!(rate.set(60, now / 2.0).is_ok());
        assert!((rate.at(60) - now / 2.0).abs() < 1e-15 && (rate.at(80) - later / 2.0).abs() < 1e-15);
    }

    #[test]
    fn a_set_rate_never_leads_above_the_range() {
        let mut rate = LearningRate::new(1e-3, 0.1, 100, Schedule::Linear);
        // Step 2 of 10 steps of warm-up has a tenth of the peak.
        let refused = rate.set(2, 0.5).unwrap_err();
        assert!(refused.contains("5e0") && refused.contains("at most 1"), "{refused}");
        assert!(rate.set(2, 1e39).is_err() && rate.set(50, f64::NAN).is_err());
        assert_eq!(rate.peak, 1e-3);
        rate.set(2, 0.1).unwrap();
        assert_eq!((rate.peak, rate.highest_from(2)), (1.0, 1.0));
        // After the warm-up the rate only falls, so a high rate is accepted late, whatever peak it implies.
        rate.set(100, 0.9).unwrap();
        assert!(rate.peak > 1.0 && (rate.highest_from(100) - 0.9).abs() < 1e-12);
    }

    fn rates(shape: Schedule) -> Vec<f64> {
        let rate = LearningRate::new(1.0, 0.21, 10, shape);
        (1..=10).map(|step| (rate.at(step) * 1000.0).round() / 1000.0).collect()
    }

    #[test]
    fn the_warm_up_rounds_up_and_begins_at_zero() {
        assert_eq!(
            rates(Schedule::Linear),
            [0.0, 0.333, 0.667, 1.0, 0.857, 0.714, 0.571, 0.429, 0.286, 0.143]
        );
        assert_eq!(rates(Schedule::ConstantWithWarmup)[..4], [0.0, 0.333, 0.667, 1.0]);
        assert_eq!(rates(Schedule::ConstantWithWarmup)[9], 1.0);
        assert_eq!(rates(Schedule::Constant), [1.0; 10]);
    }

    #[test]
    fn the_cosine_schedule_is_half_way_in_the_middle() {
        let rate = LearningRate::new(2.0, 0.0, 10, Schedule::Cosine);
        assert_eq!(rate.at(1), 2.0);
        assert!((rate.at(6) - 1.0).abs() < 1e-12);
    }
}
