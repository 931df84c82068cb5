//! The Compare screen's keys, and the requests to its two models.

use crate::{
    keymap::Action,
    session::Request,
    tui::{
        act::lines,
        app::App,
        compare::many::Many,
        inbox::{Asked, Message},
        ui::{Entry, Pane},
    },
};

impl App {
    pub(in crate::tui) fn act_compare(&mut self, action: Action) {
        match action {
            Action::Only => {
                let next = self.compare.only.next();
                self.compare.show(next);
                self.ask_idle_model();
            }
            Action::Summary => self.compare.confusion = !self.compare.confusion,
            Action::Filter => {
                let filter = self.compare.filter.clone();
                self.ui.ask(Entry::Pairs, &filter);
            }
            Action::ClearFilter | Action::Out => {
                // The empty filter is always valid.
                let _ = self.compare.set_filter("");
            }
            Action::NextEvaluation => self.step_compared(1, 1),
            Action::PreviousEvaluation => self.step_compared(1, -1),
            Action::NextOfA => self.step_compared(0, 1),
            Action::PreviousOfA => self.step_compared(0, -1),
            Action::Look => self.look_with_both(true),
            Action::Smoothing => self.ui.smoothing = self.ui.smoothing.next(),
            Action::Up | Action::Down if self.chooses_among_many() => {
                self.step_chosen(if action == Action::Up { -1 } else { 1 });
            }
            action => match (self.ui.focus(), lines(action)) {
                (Pane::Figures | Pane::Differences | Pane::Pair, Some(by)) => self.scroll(by),
                (_, Some(by)) => {
                    self.compare.step(by);
                    self.ui.scroll.remove(&Pane::Pair);
                    self.row_moved();
                }
                _ => {}
            },
        }
    }

    /// Whether the arrow keys choose which of many sessions is beside the baseline.
    fn chooses_among_many(&self) -> bool {
        self.compare.many.is_some() && self.ui.focus() == Pane::Figures
    }

    /// Starts reading the first two marked sessions, and with more marks the figures of all. With one mark it reads that session and the one shown; without marks,
    /// two evaluations of the session shown. `again`: reads them even if they are the ones compared already.
    pub(in crate::tui) fn begin_comparison(&mut self, again: bool) {
        let marked = self.sessions.marked.clone();
        if marked.len() > 2 {
            if again || !self.compare.many.as_ref().is_some_and(|many| many.is_on(&marked)) {
                self.reader.many(marked);
            }
            return;
        }
        self.compare.many = None;
        let folders = match marked.as_slice() {
            [a, b, ..] => [a.clone(), b.clone()],
            [a] if self.shown.state.session.is_some() => [self.shown.folder.clone(), a.clone()],
            [a] => [a.clone(), a.clone()],
            _ if self.shown.state.session.is_some() => [self.shown.folder.clone(), self.shown.folder.clone()],
            _ => return,
        };
        if again || !self.compare.is_on(&folders) {
            self.reader.sides(folders);
        }
    }

    /// Takes the figures of many sessions, and begins to read two of them: those that are side by side already, if they are
    /// among them.
    pub(in crate::tui) fn compare_many(&mut self, mut many: Many) {
        if let Some(b) = self.compare.sides.as_ref().map(|sides| sides[1].folder.clone()) {
            many.select(&b);
        }
        self.compare.many = Some(many);
        self.compare_chosen();
    }

    /// Puts another of many sessions beside the baseline.
    fn step_chosen(&mut self, by: isize) {
        let Some(many) = &mut self.compare.many else { return };
        let before = many.selected;
        many.step(by);
        if many.selected != before {
            self.compare_chosen();
        }
    }

    fn compare_chosen(&mut self) {
        if let Some(folders) = self.compare.many.as_ref().and_then(Many::pair) {
            self.reader.sides(folders);
        }
    }

    fn step_compared(&mut self, side: usize, by: isize) {
        if let Some(files) = self.compare.step_evaluation(side, by) {
            self.reader.compare(files);
        }
    }

    /// Asks both models about the image under the cursor.
    fn look_with_both(&mut self, again: bool) {
        let Some(image) = self.compare.image().map(str::to_owned) else {
            return;
        };
        let Some(sides) = self.compare.sides.as_mut() else {
            return;
        };
        let others = sides.iter().find_map(|side| side.evaluation()?.others());
        if let Some(others) = others {
            self.ui.notice = Some(format!(
                "one of the two is of {others}: no session's model is asked about it"
            ));
            return;
        }
        for (place, side) in sides.iter_mut().enumerate() {
            if !(side.may_look(&image) || (again && side.may_look_again(&image))) {
                continue;
            }
            let request = Request::Predict {
                image: image.clone(),
                muted: Vec::new(),
                blanked: Vec::new(),
            };
            let step = side.evaluation().and_then(|evaluation| evaluation.prompt);
            let inbox = &self.inbox;
            let subscribe = || inbox.subscribe(move |record| Message::Model(Asked::Side(place), record));
            match side
                .model
                .ask(self.host.as_mut(), (&side.folder, step), request, subscribe)
            {
                Ok(()) => side.asked(image.clone()),
                Err(reason) => self.ui.notice = Some(reason),
            }
        }
    }

    /// Asks both models about the image under the cursor, once they have been opened.
    pub(in crate::tui) fn ask_idle_models_to_compare(&mut self) {
        let models = self.compare.models();
        if models.into_iter().flatten().filter(|model| model.is_ready()).count() == 2 {
            self.look_with_both(false);
        }
    }
}
