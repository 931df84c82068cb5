//! Shows on stderr what a command is doing: a bar on a terminal, else one line per phase.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::say::say;
use crate::config::Settings;
use crate::engine::inference::{SplitEvaluation, TrainedParts, evaluate_split};
use crate::engine::{DeviceChoice, EngineError};
use crate::tui::Abilities;

/// Whether standard error is a terminal on which a line can be overwritten.
pub fn bars_can_be_shown() -> bool {
    let can = Abilities::from_environment(|name| std::env::var(name).ok());
    std::io::stderr().is_terminal() && can.cursor
}

/// Evaluates on a split and shows the progress.
///
/// # Errors
/// As [`evaluate_split`].
pub fn evaluate_with_phases(
    settings: &Settings,
    device: DeviceChoice,
    parts: &TrainedParts,
    split: &str,
) -> Result<SplitEvaluation, EngineError> {
    let mut phases = Phases::new();
    let seen = evaluate_split(settings, device, parts, split, |phase, done, total| {
        phases.show(phase, done, total);
    })?;
    phases.finish();
    Ok(seen)
}

/// A progress bar on stderr, where that is a terminal. The closure takes the done and the total count, from any thread.
pub fn bar(what: &'static str) -> impl Fn(usize, usize) + Sync {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{msg} [{wide_bar}] {pos}/{len} ({eta})") {
        bar.set_style(style);
    }
    move |done, total| {
        // Not sooner: a message shows the bar, and there may be nothing to do.
        bar.set_message(what);
        bar.set_length(total as u64);
        if done < total {
            bar.set_position(done as u64);
        } else {
            bar.finish_and_clear();
        }
    }
}

/// The phase being shown.
pub struct Phases {
    bar: ProgressBar,
    terminal: bool,
    name: String,
}

impl Phases {
    /// Nothing shown yet.
    #[must_use]
    pub fn new() -> Self {
        let terminal = bars_can_be_shown();
        let target = if terminal {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        if let Ok(style) = ProgressStyle::with_template("{msg:24} [{wide_bar}] {pos}/{len} {eta}") {
            bar.set_style(style);
        }
        Self {
            bar,
            terminal,
            name: String::new(),
        }
    }

    /// `done` of `total` of the phase `name`.
    pub fn show(&mut self, name: &str, done: u64, total: u64) {
        if self.name != name {
            name.clone_into(&mut self.name);
            if !self.terminal {
                say(name);
            }
            self.bar.set_message(name.to_owned());
        }
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    /// Clears the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Default for Phases {
    fn default() -> Self {
        Self::new()
    }
}
