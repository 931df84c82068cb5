//! The Train screen's keys.

use super::lines;
use crate::{
    session::{Command, Stage, StopAfter},
    tui::{
        app::App,
        figures,
        keymap::Action,
        ui::{Entry, Pane},
    },
};

impl App {
    pub(super) fn act_train(&mut self, action: Action) {
        match action {
            Action::Pause if self.player.is_some() => {
                if let Some(player) = &mut self.player {
                    player.paused = !player.paused;
                }
            }
            Action::Pause if self.state.paused => self.tell(Command::Resume, "going on"),
            Action::Pause => self.tell(Command::Pause, "pausing after this step"),
            Action::Evaluate => self.tell(Command::Evaluate, "evaluation asked for"),
            Action::Checkpoint => self.tell(Command::Checkpoint, "checkpoint asked for"),
            Action::StopAfterEpoch => {
                let stop = Command::Stop {
                    after: StopAfter::Epoch,
                };
                self.tell(stop, "stopping after this epoch");
            }
            Action::LearningRate => {
                let stage = self.ui.cursor.stage(&self.state);
                let last = stage.and_then(|stage| self.state.history(stage)?.steps.last());
                let now = last.map(|step| figures::short(step.lr)).unwrap_or_default();
                self.ui.ask(Entry::LearningRate, &now);
            }
            Action::NextSample => self.step_sample(1),
            Action::PreviousSample => self.step_sample(-1),
            Action::EarlierLook => self.step_look(1),
            Action::LaterLook => self.step_look(-1),
            Action::Smoothing => self.ui.smoothing = self.ui.smoothing.next(),
            Action::Metric => self.ui.metric = self.ui.metric.next(),
            Action::LogAxis => self.ui.log_axis = !self.ui.log_axis,
            Action::OtherStage => self.other_stage(),
            action => {
                if let Some(by) = lines(action) {
                    self.scroll(by);
                }
            }
        }
    }

    fn step_sample(&mut self, by: isize) {
        let count = self.state.panel.len() as isize;
        if count > 0 {
            let cursor = &mut self.ui.cursor;
            cursor.sample = (cursor.sample as isize + by).rem_euclid(count) as usize;
            self.ui.scroll.remove(&Pane::Rationale);
        }
    }

    /// Goes back by looks at the sample, as far as there are any.
    fn step_look(&mut self, back: isize) {
        let looks = self.state.panel.values().nth(self.ui.cursor.sample).map_or(0, Vec::len);
        let cursor = &mut self.ui.cursor;
        cursor.looks_back = cursor
            .looks_back
            .saturating_add_signed(back)
            .min(looks.saturating_sub(1));
    }

    fn other_stage(&mut self) {
        let other = match self.ui.cursor.stage(&self.state) {
            Some(Stage::Aspects) => Stage::Prompt,
            _ => Stage::Aspects,
        };
        if self.state.stages.contains_key(&other) {
            // Back on the stage that runs, the cursor follows the run again.
            self.ui.cursor.stage = Some(other).filter(|&other| Some(other) != self.state.stage);
        }
    }
}
