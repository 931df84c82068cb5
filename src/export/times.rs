//! When the steps and evaluations of a journal were made.

use std::collections::HashMap;

use crate::session::{Evaluation, Event, Record, Stage};

/// The times of steps and evaluations, in seconds since 1970. A step or evaluation that a resumed run repeated has its last
/// time.
#[derive(Debug, Default)]
pub struct Times {
    steps: HashMap<(Stage, u64), f64>,
    evaluations: HashMap<(Stage, u64, String, usize), f64>,
    /// When the session began; 0 where its journal does not say.
    pub started: f64,
}

impl Times {
    /// Notes the time of one of the journal's records.
    pub fn take(&mut self, record: &Record) {
        match &record.event {
            Event::Session(_) => self.started = record.time,
            Event::Step(step) => _ = self.steps.insert((step.stage, step.step), record.time),
            Event::Evaluation(seen) => _ = self.evaluations.insert(key(seen), record.time),
            _ => {}
        }
    }

    /// The time of a step; the session's beginning where it is not known.
    #[must_use]
    pub fn of_step(&self, stage: Stage, step: u64) -> f64 {
        self.steps.get(&(stage, step)).copied().unwrap_or(self.started)
    }

    /// The time of an evaluation; the session's beginning where it is not known.
    #[must_use]
    pub fn of_evaluation(&self, seen: &Evaluation) -> f64 {
        self.evaluations.get(&key(seen)).copied().unwrap_or(self.started)
    }
}

fn key(seen: &Evaluation) -> (Stage, u64, String, usize) {
    let metrics = &seen.metrics;
    (seen.stage, seen.step, metrics.split.clone(), metrics.samples)
}
