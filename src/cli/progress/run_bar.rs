//! Shows a run as one bar at the bottom of the normal screen.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::lines::{figures, one_line};
use crate::session::{Event, RunState};

/// The template for a phase whose end is not known.
const WAITING: &str = "{spinner} {elapsed} {wide_msg}";
const COUNTING: &str = "{spinner} [{bar:24}] {pos}/{len} {wide_msg}";

/// The bar of a run. Dropping it clears the bar; the lines above it stay.
pub(super) struct RunBar {
    bar: ProgressBar,
    counting: bool,
}

impl RunBar {
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let mut this = Self { bar, counting: true };
        this.style(false);
        // Keep the spinner moving in a phase without steps.
        this.bar.enable_steady_tick(Duration::from_millis(200));
        this
    }

    /// A line that stays, above the bar.
    pub fn above(&self, line: &str) {
        self.bar.println(line);
    }

    /// Shows the run after `event`, which is already applied to `state`.
    pub fn show(&mut self, state: &RunState, event: &Event) {
        match event {
            Event::Phase(phase) => {
                self.style(false);
                self.bar.reset_elapsed();
                self.bar.set_message(one_line(&phase.name));
            }
            Event::Progress(progress) => {
                self.count(progress.done, Some(progress.total).filter(|&total| total > 0));
                self.bar.set_message(one_line(&progress.phase));
            }
            Event::Step(step) => {
                self.count(step.step, state.planned_steps(step.stage));
                self.bar
                    .set_message(format!("{}  {}", step.stage.name(), figures(state, step)));
            }
            _ if state.paused => self.bar.set_message("paused"),
            _ => {}
        }
    }

    fn count(&mut self, done: u64, total: Option<u64>) {
        self.style(total.is_some());
        if let Some(total) = total {
            self.bar.set_length(total);
        }
        self.bar.set_position(done);
    }

    fn style(&mut self, counting: bool) {
        if self.counting != counting {
            self.counting = counting;
            if let Ok(style) = ProgressStyle::with_template(if counting { COUNTING } else { WAITING }) {
                self.bar.set_style(style);
            }
        }
    }
}

impl Drop for RunBar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
