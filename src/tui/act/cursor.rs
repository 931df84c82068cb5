//! The cursor that all screens share: what moves it on one screen, and how the other screens follow.

use crate::{
    keymap::Screen,
    session::Stage,
    tui::{app::App, ui::Pane},
};

impl App {
    /// Goes to another sample of the panel; the tables go to its row.
    pub(in crate::tui) fn step_sample(&mut self, by: isize) {
        let count = self.shown.state.panel.len() as isize;
        if count == 0 {
            return;
        }
        let cursor = &mut self.shown.cursor;
        cursor.sample = (cursor.sample as isize + by).rem_euclid(count) as usize;
        self.ui.scroll.remove(&Pane::Rationale);
        if let Some(sample) = self.shown.cursor.sample(&self.shown.state) {
            self.shown.browse.select(&sample.image);
            self.compare.select(&sample.image);
        }
    }

    /// Goes to the look before or after the one shown. After the newest look the cursor follows the run again.
    pub(in crate::tui) fn step_look(&mut self, later: bool) {
        let looks = self.shown.cursor.looks(&self.shown.state);
        let Some(shown) = self.shown.cursor.sample(&self.shown.state) else {
            return;
        };
        let shown = (shown.stage, shown.step);
        let mut steps = looks.iter().map(|look| (look.stage, look.step));
        let next = if later {
            steps.find(|&step| step > shown)
        } else {
            steps.rfind(|&step| step < shown)
        };
        match next {
            Some((stage, step)) => self.stand_at(stage, step),
            None if later => {
                self.shown.cursor.stage = None;
                self.shown.cursor.follow_run(&self.shown.state);
            }
            None => {}
        }
    }

    /// Puts the crosshair on a step; zoomed curves move just far enough to show it.
    pub(in crate::tui) fn stand_at(&mut self, stage: Stage, step: u64) {
        self.shown.cursor.stand_at(stage, step);
        self.ui.scroll.remove(&Pane::Rationale);
        let (span, end) = self.steps_shown(stage);
        self.shown.zoom = self.shown.span(stage).map(|_| span.holding(step as f64, end));
    }

    /// Goes to another class.
    pub(in crate::tui) fn step_class(&mut self, by: isize) {
        let classes = self
            .shown
            .state
            .session
            .as_ref()
            .map_or(0, |session| session.classes.len());
        let class = &mut self.shown.cursor.class;
        *class = class.saturating_add_signed(by).min(classes.saturating_sub(1));
    }

    /// Shows in Browse the evaluation at the cursor's step.
    pub(in crate::tui) fn browse_at_cursor(&mut self) {
        let cursor = self.shown.cursor;
        let of_prompt = cursor.stage(&self.shown.state) == Some(Stage::Prompt);
        if let Some(path) = self.shown.browse.choose_until(cursor.step.filter(|_| of_prompt)) {
            self.reader.read(path);
        }
        self.ask_idle_model();
    }

    /// After another evaluation was chosen in Browse, moves the cursor to its step.
    pub(in crate::tui) fn step_follows_evaluation(&mut self) {
        let Some(step) = self.shown.browse.evaluation().and_then(|kept| kept.step) else {
            return;
        };
        let newest = self.shown.browse.evaluations.iter().rev().find_map(|kept| kept.step);
        self.stand_at(Stage::Prompt, step);
        if newest == Some(step) {
            self.shown.cursor.follow_run(&self.shown.state);
        }
    }

    /// After a table's cursor moved, moves the other table and the panel to the same image, if they contain it.
    pub(in crate::tui) fn row_moved(&mut self) {
        if let Some(image) = self.table_image() {
            match self.ui.screen {
                Screen::Compare => self.shown.browse.select(&image),
                _ => self.compare.select(&image),
            }
            let mut slots = self.shown.state.panel.values();
            let slot = slots.position(|looks| looks.last().is_some_and(|look| look.image == image));
            if let Some(slot) = slot.filter(|&slot| slot != self.shown.cursor.sample) {
                self.shown.cursor.sample = slot;
                self.ui.scroll.remove(&Pane::Rationale);
            }
        }
        self.ask_idle_model();
    }

    /// The image under the cursor of the screen's table.
    fn table_image(&self) -> Option<String> {
        match self.ui.screen {
            Screen::Compare => self.compare.image().map(str::to_owned),
            Screen::Browse => self.shown.browse.row().map(|row| row.prediction.image.clone()),
            _ => None,
        }
    }

    /// After a comparison has arrived, selects the image that the other screens show.
    pub(in crate::tui) fn compare_at_cursor(&mut self) {
        let looked_at = self.shown.cursor.sample(&self.shown.state).map(|sample| &sample.image);
        let row = self.shown.browse.row().map(|row| &row.prediction.image);
        if let Some(image) = row.or(looked_at) {
            self.compare.select(image);
        }
    }
}
