//! The place in the run that all screens share.

use crate::session::{RunState, SampleSeen, Stage};

/// The stage, step, sample and class that the person looks at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursor {
    /// `None`: the stage that is running.
    pub stage: Option<Stage>,
    /// The stage's step under the crosshair; `None`: always the newest one.
    pub step: Option<u64>,
    /// The sample's index among the panel's slots.
    pub sample: usize,
    /// The class's index in the label list.
    pub class: usize,
}

impl Cursor {
    /// The stage shown.
    #[must_use]
    pub fn stage(self, state: &RunState) -> Option<Stage> {
        self.stage
            .filter(|stage| state.stages.contains_key(stage))
            .or(state.stage)
    }

    /// The last step to show; anything later is left out.
    #[must_use]
    pub fn until(self) -> u64 {
        self.step.unwrap_or(u64::MAX)
    }

    /// All looks at the panel's image under the cursor, oldest first.
    #[must_use]
    pub fn looks(self, state: &RunState) -> &[SampleSeen] {
        let panel = &state.panel;
        let looks = panel.values().nth(self.sample).or_else(|| panel.values().next_back());
        looks.map(Vec::as_slice).unwrap_or_default()
    }

    /// The newest look at that image up to the step; if all looks are later, the first one.
    #[must_use]
    pub fn sample(self, state: &RunState) -> Option<&SampleSeen> {
        let until = self.stage(state).map(|stage| (stage, self.until()));
        let looks = self.looks(state);
        let seen = looks
            .iter()
            .rfind(|look| until.is_none_or(|until| (look.stage, look.step) <= until));
        seen.or(looks.first())
    }

    /// Puts the crosshair on a step.
    pub const fn stand_at(&mut self, stage: Stage, step: u64) {
        (self.stage, self.step) = (Some(stage), Some(step));
    }

    /// Follows the run again; in a stage that is not running, goes to its end.
    pub fn follow_run(&mut self, state: &RunState) {
        self.step = None;
        self.stage = self.stage.filter(|&stage| Some(stage) != state.stage);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made_up;

    /// A run with looks at steps 10, 20, ... 60 of each stage.
    fn state() -> RunState {
        let mut state = RunState::default();
        made_up::records(60).iter().for_each(|record| state.apply(record));
        state
    }

    fn seen(cursor: Cursor) -> Option<(Stage, u64)> {
        let state = state();
        cursor.sample(&state).map(|look| (look.stage, look.step))
    }

    #[test]
    fn the_sample_is_the_newest_look_up_to_the_step() {
        let mut cursor = Cursor::default();
        assert_eq!(seen(cursor), Some((Stage::Prompt, 60)));
        cursor.stand_at(Stage::Prompt, 29);
        assert_eq!(seen(cursor), Some((Stage::Prompt, 20)));
        cursor.stand_at(Stage::Prompt, 9);
        assert_eq!(seen(cursor), Some((Stage::Aspects, 60)), "of the stage before");
        cursor.stand_at(Stage::Aspects, 3);
        assert_eq!(seen(cursor), Some((Stage::Aspects, 10)), "there is no earlier one");
        cursor.sample = 99;
        assert_eq!(seen(cursor), Some((Stage::Aspects, 10)), "the last slot's");
        assert_eq!(cursor.sample(&RunState::default()), None);
    }

    #[test]
    fn a_released_cursor_follows_the_run() {
        let state = state();
        let mut cursor = Cursor::default();
        cursor.stand_at(Stage::Prompt, 20);
        cursor.follow_run(&state);
        assert_eq!(cursor, Cursor::default());
        cursor.stand_at(Stage::Aspects, 20);
        cursor.follow_run(&state);
        assert_eq!((cursor.stage, cursor.step), (Some(Stage::Aspects), None));
        assert_eq!(seen(cursor), Some((Stage::Aspects, 60)));
    }
}
