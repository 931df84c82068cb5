//! The Train screen's keys.

use crate::{
    figures,
    keymap::Action,
    session::{Command, Stage, StopAfter},
    tui::{
        act::lines,
        app::App,
        browse::intervention::Intervention,
        ui::{Entry, Pane},
    },
};

impl App {
    pub(in crate::tui) fn act_train(&mut self, action: Action) {
        match action {
            Action::Pause if self.shown.player.is_some() => {
                if let Some(player) = &mut self.shown.player {
                    player.paused = !player.paused;
                }
            }
            Action::Pause if self.shown.state.paused => self.tell(Command::Resume, "going on"),
            Action::Pause => self.tell(Command::Pause, "pausing after this step"),
            Action::Evaluate => self.tell(Command::Evaluate, "evaluation asked for"),
            Action::Checkpoint => self.tell(Command::Checkpoint, "checkpoint asked for"),
            Action::Stop => {
                let stop = Command::Stop { after: StopAfter::Step };
                self.tell(stop, "stopping after this step");
            }
            Action::StopAfterEpoch => {
                let stop = Command::Stop {
                    after: StopAfter::Epoch,
                };
                self.tell(stop, "stopping after this epoch");
            }
            Action::LearningRate => {
                let stage = self.shown.cursor.stage(&self.shown.state);
                let last = stage.and_then(|stage| self.shown.state.history(stage)?.steps.last());
                let now = last.map(|step| figures::short(step.lr)).unwrap_or_default();
                self.ui.ask(Entry::LearningRate, &now);
            }
            Action::Look => self.predict_sample(),
            Action::NextSample => self.step_sample(1),
            Action::PreviousSample => self.step_sample(-1),
            Action::EarlierLook => self.step_look(false),
            Action::LaterLook => self.step_look(true),
            Action::Left | Action::Right => {
                let later = action == Action::Right;
                if self.ui.focus() != Pane::Loss || !self.pan(later) {
                    self.step_sample(if later { 1 } else { -1 });
                }
            }
            Action::OtherStage => self.other_stage(),
            Action::Out => self.leave_curves(),
            action => match lines(action) {
                Some(by) if self.classes_focused() => self.step_class(by),
                Some(by) => self.scroll(by),
                None => self.act_curves(action),
            },
        }
    }

    /// Whether the focused pane lists classes. In stage 1 it lists aspects instead.
    fn classes_focused(&self) -> bool {
        self.ui.focus() == Pane::Accuracy && self.shown.cursor.stage(&self.shown.state) == Some(Stage::Prompt)
    }

    /// Asks the run's current model, or the newest checkpoint's, for the sample's prediction.
    fn predict_sample(&mut self) {
        let Some(sample) = self.shown.cursor.sample(&self.shown.state) else {
            self.ui.notice = Some("there is no sample yet".to_owned());
            return;
        };
        let request = Intervention::default().request(&sample.image);
        self.ask_model(request);
    }

    fn other_stage(&mut self) {
        let other = match self.shown.cursor.stage(&self.shown.state) {
            Some(Stage::Aspects) => Stage::Prompt,
            _ => Stage::Aspects,
        };
        if self.shown.state.stages.contains_key(&other) {
            // Back on the running stage, the cursor follows the run again.
            self.shown.cursor.stage = Some(other).filter(|&other| Some(other) != self.shown.state.stage);
            self.shown.cursor.step = None;
        }
    }
}
