//! The Browse screen's keys, and the requests to its model.

use std::path::Path;

use crossbeam_channel::TrySendError;

use crate::{
    data::View,
    inside::inside,
    keymap::{Action, Screen},
    session::{Command, KeptEvaluation, Request, Stage},
    tui::{
        act::lines,
        app::App,
        browse::{Summary, intervention::Intervention, rows::Column},
        inbox::{Asked, Message},
        model::Model,
        ui::{Entry, Layer, Pane},
    },
};

impl App {
    pub(in crate::tui) fn act_browse(&mut self, action: Action) {
        match action {
            Action::Filter => {
                let filter = self.shown.browse.filter.clone();
                self.ui.ask(Entry::Filter, &filter);
            }
            Action::Out if !self.shown.browse.intervention.is_plain() => self.try_nothing(),
            Action::ClearFilter | Action::Out => {
                // The empty filter is always valid.
                let _ = self.shown.browse.set_filter("");
                self.row_moved();
            }
            Action::Export if self.shown.browse.rows().is_some() => {
                let session = self.shown.folder.file_name().unwrap_or_default().to_string_lossy();
                let name = format!("{session}-predictions.csv");
                self.ui.ask(Entry::ExportRows, &name);
            }
            Action::SortColumn => {
                let next = self
                    .shown
                    .browse
                    .sort
                    .map_or(Column::Confidence, |(column, _)| column.next());
                self.shown.browse.sort_by(next);
                self.row_moved();
            }
            Action::SortOrder => {
                let column = self.shown.browse.sort.map_or(Column::Confidence, |(column, _)| column);
                self.shown.browse.sort_by(column);
                self.row_moved();
            }
            Action::Summary => self.shown.browse.summary = self.shown.browse.summary.next(),
            Action::Normalise => self.shown.browse.normalised = !self.shown.browse.normalised,
            Action::NextEvaluation => self.step_evaluation(1),
            Action::PreviousEvaluation => self.step_evaluation(-1),
            Action::Look if self.ui.focus() == Pane::Summary => {
                match self.shown.browse.summary {
                    Summary::Confusion => self.shown.browse.filter_by_cell(self.shown.cursor.class),
                    Summary::Confusions => {
                        self.go_to_confusion(0);
                        self.shown.browse.filter_by_cell(self.shown.cursor.class);
                    }
                    Summary::Classes | Summary::Ranking => {
                        self.shown.browse.filter_by_class(self.shown.cursor.class);
                    }
                    Summary::Reliability => {}
                }
                self.row_moved();
            }
            Action::Look if self.ui.focus() == Pane::Image && self.has_maps() => {
                let view = self.named_view();
                self.ui.enlarged = !self.ui.enlarged;
                self.ui.alone = self.ui.enlarged.then(|| self.ui.alone.unwrap_or(view));
            }
            Action::Look => {
                self.look();
                self.show_answer(Pane::Image);
            }
            Action::Mute(view)
                if self
                    .shown
                    .state
                    .session
                    .as_ref()
                    .is_some_and(|run| !run.views.contains(&view)) =>
            {
                self.ui.notice = Some(format!("this session has no aspect {view}"));
            }
            Action::Mute(view) => {
                self.shown.browse.intervention.mute(view);
                self.look();
                self.show_answer(Pane::Answers);
            }
            Action::Solo => {
                let view = self.named_view();
                self.shown.browse.intervention.solo(view);
                self.look();
                self.show_answer(Pane::Answers);
            }
            Action::Undo => self.try_nothing(),
            Action::Region => self.begin_region(),
            Action::Ask if self.can_ask() => self.ui.ask(Entry::Question, ""),
            Action::Ask => self.ui.notice = Some(NO_MODEL.to_owned()),
            Action::Effects => {
                if let Some(image) = self.image() {
                    self.ask_model(Request::Effects { image });
                    self.show_answer(Pane::Answers);
                }
            }
            Action::Faithfulness => {
                let view = self.named_view();
                if let Some(image) = self.image() {
                    self.ask_model(Request::Faithfulness { image, view });
                    self.show_answer(Pane::Answers);
                }
            }
            action => self.move_in_browse(action),
        }
    }

    /// Moves the focus to the pane that will show the model's answer, on a screen with room for one pane.
    pub(in crate::tui) fn show_answer(&mut self, pane: Pane) {
        if self.can_ask() {
            self.ui.bring(pane);
        }
    }

    fn try_nothing(&mut self) {
        self.shown.browse.intervention.clear();
        self.row_moved();
    }

    /// Writes the rows that are shown, in their order, in the background; over a file only where `replace` says so.
    pub(in crate::tui) fn export_rows(&mut self, to: &str, replace: bool) -> Result<(), String> {
        let rows = self.shown.browse.rows().ok_or("there are no rows")?;
        let shown = self.shown.browse.shown.iter().filter_map(|&row| rows.get(row).cloned());
        let host = self.host.as_mut().ok_or("nothing can be exported from here")?;
        let kept = self.shown.browse.evaluation().ok_or("there is no evaluation")?;
        let session = self.shown.state.session.as_ref();
        let (name, data) = session.map_or(("", ""), |session| (session.name.as_str(), session.data.as_str()));
        let origin = kept.origin(name, data);
        let written = host.export_rows(shown.collect(), origin, Path::new(to), replace)?;
        self.exported = Some(self.inbox.forward("export", written, Message::Exported)?);
        self.ui.notice = Some("writing …".to_owned());
        Ok(())
    }

    fn move_in_browse(&mut self, action: Action) {
        let vertical = lines(action);
        match (self.ui.focus(), vertical) {
            (Pane::Summary, Some(by)) if self.shown.browse.summary == Summary::Confusions => self.go_to_confusion(by),
            (Pane::Summary, Some(by)) if self.shown.browse.summary == Summary::Classes => self.go_to_class(by),
            (Pane::Summary, _) => {
                let classes = self.shown.browse.rows().map_or(0, |rows| rows.labels.len());
                let last = classes.saturating_sub(1);
                let (gold, predicted) = (&mut self.shown.cursor.class, &mut self.shown.browse.predicted);
                match (action, vertical) {
                    (Action::Left, _) => *predicted = predicted.saturating_sub(1),
                    (Action::Right, _) => *predicted = (*predicted + 1).min(last),
                    (_, Some(by)) => *gold = gold.saturating_add_signed(by).min(last),
                    _ => {}
                }
            }
            (Pane::Answers, Some(by)) => self.scroll(by),
            (_, Some(by)) => {
                self.shown.browse.step(by);
                self.ui.scroll.remove(&Pane::Answers);
                self.row_moved();
            }
            _ => {}
        }
    }

    /// Moves in the list of confusions; the cell of the matrix and the class that all screens share follow.
    fn go_to_confusion(&mut self, by: isize) {
        let browse = &mut self.shown.browse;
        let Some(rows) = browse.rows().cloned() else { return };
        let last = rows.confusions.len().saturating_sub(1);
        browse.confused = browse.confused.saturating_add_signed(by).min(last);
        if let Some(confusion) = rows.confusions.get(browse.confused) {
            (self.shown.cursor.class, browse.predicted) = (confusion.gold, confusion.predicted);
        }
    }

    /// Moves in the list of classes, which stands in the order of their recalls.
    fn go_to_class(&mut self, by: isize) {
        let Some(rows) = self.shown.browse.rows() else { return };
        let place = rows
            .by_recall
            .iter()
            .position(|&class| class == self.shown.cursor.class);
        let last = rows.by_recall.len().saturating_sub(1);
        let place = place.unwrap_or(0).saturating_add_signed(by).min(last);
        self.shown.cursor.class = rows.by_recall.get(place).copied().unwrap_or(0);
    }

    /// Handles the keys while patches are being chosen.
    pub(in crate::tui) fn choose_patches(&mut self, action: Action) {
        let Some(grid) = self.grid() else {
            self.ui.layer = Layer::Main;
            return;
        };
        if action == Action::Message {
            return self.show_message();
        }
        let tried = &mut self.shown.browse.intervention;
        match action {
            Action::Left => tried.step((0, -1), grid),
            Action::Right => tried.step((0, 1), grid),
            Action::Up => tried.step((-1, 0), grid),
            Action::Down => tried.step((1, 0), grid),
            Action::Blank => tried.blank(grid),
            Action::Undo => tried.blanked.clear(),
            Action::Look => self.look(),
            _ => {
                tried.cursor = None;
                self.ui.layer = Layer::Main;
            }
        }
    }

    fn begin_region(&mut self) {
        match self.grid() {
            Some([height, width]) => {
                let cursor = &mut self.shown.browse.intervention.cursor;
                *cursor = Some(cursor.unwrap_or((height / 2, width / 2)));
                self.ui.layer = Layer::Region;
            }
            None => {
                let image = self.image().unwrap_or_default();
                let looked = self
                    .shown
                    .browse
                    .answers(&image)
                    .is_some_and(|answers| answers.plain.is_some());
                self.ui.notice = Some(if looked {
                    "this session has no aspects, so there are no patches to choose".to_owned()
                } else {
                    let key = self.keymap.key_for(Screen::Browse, Action::Look);
                    format!("let the model look first: {key}")
                });
            }
        }
    }

    /// Whether the model has looked at the image under the cursor.
    fn has_maps(&self) -> bool {
        let answers = self
            .shown
            .browse
            .row()
            .and_then(|row| self.shown.browse.answers(&row.prediction.image));
        answers.is_some_and(|answers| answers.plain.is_some())
    }

    /// The grid of merged patches of the image under the cursor, from the model's answer.
    fn grid(&self) -> Option<[usize; 2]> {
        let image = &self.shown.browse.row()?.prediction.image;
        let answer = self.shown.browse.answers(image)?.plain.as_ref()?;
        let crate::session::Found::Prediction(prediction) = &answer.found else {
            return None;
        };
        prediction.aspects.values().next()?.whole_grid()
    }

    fn named_view(&self) -> View {
        self.shown.browse.intervention.view.unwrap_or(View::FacialExpression)
    }

    fn image(&self) -> Option<String> {
        self.shown.browse.row().map(|row| row.prediction.image.clone())
    }

    fn step_evaluation(&mut self, by: isize) {
        if let Some(path) = self.shown.browse.step_evaluation(by) {
            self.reader.read(path);
        }
        self.leave_other_model();
        self.step_follows_evaluation();
    }

    /// Asks for the prediction on the image under the cursor with the current intervention.
    fn look(&mut self) {
        let Some(image) = self.image() else { return };
        let tried = &self.shown.browse.intervention;
        let request = tried.request(&image);
        let known = self
            .shown
            .browse
            .answers(&image)
            .is_some_and(|answers| answers.plain.is_some());
        if !known && !tried.is_plain() {
            // A change is shown relative to the unchanged image, so ask for that first.
            self.ask_model(Intervention::default().request(&image));
        }
        self.ask_model(request);
    }

    /// Asks an idle model about the image under the cursor. A run's own model is busy, so it is asked only on a key.
    pub(in crate::tui) fn ask_idle_model(&mut self) {
        if self.ui.screen == Screen::Compare {
            return self.ask_idle_models_to_compare();
        }
        let own = self.shown.browse.evaluation().is_none_or(KeptEvaluation::is_own);
        let idle = own && self.shown.model.is_ready() && self.shown.browse.intervention.waiting.is_none();
        let Some(image) = self.image().filter(|_| idle) else {
            return;
        };
        let known = self
            .shown
            .browse
            .answers(&image)
            .is_some_and(|answers| answers.plain.is_some() || answers.failed.is_some());
        if !known && self.shown.browse.intervention.is_plain() {
            self.look();
        }
    }

    /// Whether some model can be asked.
    pub(in crate::tui) fn can_ask(&self) -> bool {
        let at_work = self.shown.link.commands.is_some() && self.shown.state.ended.is_none();
        at_work || self.shown.model.is_open() || self.host.is_some()
    }

    /// The step of the shown evaluation's checkpoint, if that file still exists; `None`: the newest checkpoint.
    fn asked_step(&self) -> Option<u64> {
        let step = self.shown.browse.evaluation()?.prompt?;
        let mut saved = self.shown.state.checkpoints.iter();
        let saved = saved.find(|saved| (saved.stage, saved.step) == (Stage::Prompt, step))?;
        let kept = inside(&self.shown.folder, &saved.file).is_some_and(|path| path.is_file());
        kept.then_some(step)
    }

    /// Closes the model, and drops its answers, if it is not the one of the shown evaluation.
    fn leave_other_model(&mut self) {
        if self.shown.model.is_elsewhere(self.asked_step()) {
            self.shown.model = Model::default();
            self.shown.browse.forget_answers();
        }
    }

    /// Asks the run's model; if the run is over, the model of the evaluation's checkpoint.
    pub(in crate::tui) fn ask_model(&mut self, request: Request) {
        if let Some(others) = self.shown.browse.evaluation().and_then(KeptEvaluation::others) {
            self.ui.notice = Some(format!(
                "these rows are of {others}: the session's model is not asked about them"
            ));
            return;
        }
        let asked = match self
            .shown
            .link
            .commands
            .as_ref()
            .filter(|_| self.shown.state.ended.is_none())
        {
            Some(commands) => commands
                .try_send(Command::Ask(request.clone()))
                .map_err(|error| match error {
                    TrySendError::Full(_) => "the run is busy; try again".to_owned(),
                    TrySendError::Disconnected(_) => "the run takes no more commands".to_owned(),
                }),
            None => {
                self.leave_other_model();
                let step = self.asked_step();
                self.shown
                    .model
                    .ask(self.host.as_mut(), (&self.shown.folder, step), request.clone(), || {
                        self.inbox.subscribe(|record| Message::Model(Asked::Shown, record))
                    })
            }
        };
        match asked {
            Ok(()) => self.shown.browse.intervention.waiting = Some(request),
            Err(reason) => self.ui.notice = Some(reason),
        }
    }
}

const NO_MODEL: &str = "no model can be asked here";
