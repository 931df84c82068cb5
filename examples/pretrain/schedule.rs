//! How long a stage runs, its learning rate, its log lines, and the state from which it goes on.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};

use super::optimiser::Optimiser;
use super::params::{self, Params};

const WARM_UP: f64 = 0.02;
/// From here on the rate falls to 0 in a straight line.
const DECAY_FROM: f64 = 0.5;
const SECONDS_BETWEEN_SAVES: f64 = 120.0;
const STEPS_BETWEEN_LINES: usize = 25;

/// A stage's clock. The schedule follows the seconds worked, so that a run ends when it was told to; the same seed sees
/// the same pictures in the same order, and how many of them depends on the machine.
pub struct Clock {
    pub optimiser: Optimiser,
    path: PathBuf,
    budget: f64,
    worked: f64,
    since: Instant,
    saved: f64,
    step: usize,
    names: Vec<&'static str>,
    sums: Vec<f64>,
}

impl Clock {
    /// A stage of `minutes` whose state lies in `path`; with `resume` it goes on from there if the file is there.
    ///
    /// # Errors
    /// Where the state file is there but does not fit.
    pub fn start(
        path: &Path,
        minutes: f64,
        names: Vec<&'static str>,
        optimiser: Optimiser,
        params: &Params,
        resume: bool,
    ) -> Result<Self> {
        let mut clock = Self {
            optimiser,
            path: path.to_owned(),
            budget: minutes * 60.0,
            worked: 0.0,
            since: Instant::now(),
            saved: 0.0,
            step: 0,
            sums: vec![0.0; names.len()],
            names,
        };
        if resume && path.exists() {
            let state = candle_core::safetensors::load(path, &Device::Cpu)
                .with_context(|| format!("reading the state {}", path.display()))?;
            params.set(&state)?;
            clock.optimiser.restore(&state)?;
            let clock_state = state
                .get("clock")
                .context("the state file has no clock")?
                .to_vec1::<f64>()?;
            (clock.worked, clock.step) = (clock_state[0], clock_state[1] as usize);
            clock.saved = clock.worked;
            eprintln!(
                "resumed at step {} after {:.1} minutes",
                clock.step,
                clock.worked / 60.0
            );
        }
        Ok(clock)
    }

    /// The share of the stage that is over.
    pub fn progress(&self) -> f64 {
        (self.worked + self.since.elapsed().as_secs_f64()) / self.budget
    }

    /// The next step and its learning rate, or `None` at the end.
    pub fn next(&mut self, peak: f64) -> Option<(usize, f64)> {
        let progress = self.progress();
        let rate = (progress / WARM_UP).min(1.0) * ((1.0 - progress) / (1.0 - DECAY_FROM)).clamp(0.0, 1.0);
        (progress < 1.0).then_some((self.step, peak * rate.max(1e-3)))
    }

    /// Counts a finished step, prints a line now and then, and saves the state.
    ///
    /// # Errors
    /// Where the state cannot be written.
    pub fn done(&mut self, params: &Params, losses: &[f64]) -> Result<()> {
        self.step += 1;
        self.sums.iter_mut().zip(losses).for_each(|(sum, loss)| *sum += loss);
        if self.step.is_multiple_of(STEPS_BETWEEN_LINES) {
            let losses: Vec<String> = (self.names.iter().zip(&self.sums))
                .map(|(name, sum)| format!("{name} {:.3}", sum / STEPS_BETWEEN_LINES as f64))
                .collect();
            eprintln!(
                "{:3.0} % step {:6} {}",
                100.0 * self.progress(),
                self.step,
                losses.join(" ")
            );
            self.sums.fill(0.0);
        }
        let now = self.worked + self.since.elapsed().as_secs_f64();
        if now - self.saved > SECONDS_BETWEEN_SAVES || now >= self.budget {
            self.saved = now;
            self.save(params, now)?;
        }
        Ok(())
    }

    fn save(&self, params: &Params, now: f64) -> Result<()> {
        let mut state: HashMap<String, Tensor> = params.tensors();
        state.extend(self.optimiser.state()?);
        state.insert("clock".to_owned(), Tensor::new(&[now, self.step as f64], &Device::Cpu)?);
        params::save(&state, &self.path)
    }
}
