//! The form for a new run: its keys, and the start.

use std::path::{Path, PathBuf};

use crossterm::event::KeyEvent;

use crate::{
    keymap::{Action, Screen},
    session::SessionState,
    text::clean,
    tui::{
        act::entry::{editing, is_full},
        app::App,
        inbox::Message,
        opening::For,
        sessions::form::{Form, Row},
        ui::Layer,
    },
};

impl App {
    /// Opens the form, with the settings of the session under the cursor (`like_it`) or those that hold here.
    pub(in crate::tui) fn begin_form(&mut self, like_it: bool) {
        let like = self.sessions.session().filter(|_| like_it);
        let (path, name) = (like.map(|like| like.path.clone()), like.map(|like| like.name.clone()));
        let fields = match &mut self.host {
            Some(host) => host.new_run(path.as_deref()),
            None => Err("runs cannot be started from here".to_owned()),
        };
        self.sessions.form = Some(Form::new(name, fields));
        self.ui.layer = Layer::Form;
        self.check_form();
    }

    pub(in crate::tui) fn fill_in(&mut self, action: Option<Action>, event: KeyEvent) {
        let Some(form) = &mut self.sessions.form else {
            self.ui.layer = Layer::Main;
            return;
        };
        match action {
            Some(Action::Up) => form.step(-1),
            Some(Action::Down) => form.step(1),
            Some(Action::Complete) if form.row_mut().is_some_and(Row::complete) => self.check_form(),
            Some(Action::Complete) => form.step(1),
            Some(Action::Choose) if form.is_on_start() => self.start_run(),
            Some(Action::Choose) => form.step(1),
            Some(Action::Message) => self.show_message(),
            Some(Action::Out) => self.close_form(),
            Some(Action::Left) if form.row_mut().is_some_and(|row| row.choose(-1)) => self.check_form(),
            Some(Action::Right) if form.row_mut().is_some_and(|row| row.choose(1)) => self.check_form(),
            _ => {
                let typed = form.row_mut().filter(|row| row.field.choices.is_empty());
                if let Some(row) = typed
                    && let Some(request) = editing(event).filter(|_| !is_full(&row.line, event))
                {
                    row.line.handle(request);
                    self.check_form();
                }
            }
        }
    }

    fn close_form(&mut self) {
        self.sessions.form = None;
        self.ui.layer = Layer::Main;
    }

    pub(in crate::tui) fn check_form(&mut self) {
        if let (Some(form), Some(host)) = (&mut self.sessions.form, &mut self.host) {
            form.judge(host.check_run(&form.values()));
        }
    }

    /// Starts the run if all fields are valid. Checks them again, because the folder may have changed since the last
    /// key.
    fn start_run(&mut self) {
        self.check_form();
        let (Some(form), Some(host)) = (&mut self.sessions.form, &mut self.host) else {
            return;
        };
        if form.wrong() > 0 {
            form.go_to_wrong();
            return;
        }
        if form.starting || form.rows.is_empty() {
            return;
        }
        let started = host.start_run(&form.values());
        match started.and_then(|started| self.inbox.forward("start", started, Message::Started)) {
            Ok(started) => {
                self.started = Some(started);
                (form.starting, form.refused) = (true, None);
            }
            Err(reason) => form.refused = Some(reason),
        }
    }

    /// Handles the start of a run: shows it if the person still waits for it, or says why it did not begin.
    pub(in crate::tui) fn run_started(&mut self, started: Result<PathBuf, String>) {
        self.started = None;
        self.list_sessions();
        let waits = self.ui.layer == Layer::Form;
        match (started, &mut self.sessions.form) {
            (Err(reason), Some(form)) => (form.starting, form.refused) = (false, Some(reason)),
            (Err(reason), None) => self.ui.notice = Some(reason),
            (Ok(path), form) => {
                *form = None;
                if waits {
                    self.ui.layer = Layer::Main;
                }
                self.show_started(&path, waits);
            }
        }
    }

    /// Goes on with the run under the cursor, in the background.
    pub(in crate::tui) fn resume(&mut self) {
        let Some(session) = self.sessions.session() else { return };
        let (name, path) = (clean(&session.name), session.path.clone());
        let key = |action| self.keymap.key_for(Screen::Sessions, action);
        self.ui.notice = Some(match session.state {
            SessionState::Live | SessionState::Paused => format!("{name} is at work: {} shows it", key(Action::Open)),
            SessionState::Finished => {
                let clone = key(Action::CloneRun);
                format!("{name} has made all its steps: {clone} begins another run like it")
            }
            SessionState::Unreadable => format!("{name} cannot be read: its details say why"),
            SessionState::Stopped | SessionState::Failed | SessionState::Crashed => match self.begin_again(&path) {
                Ok(()) => format!("{name}: model and data are being read …"),
                Err(reason) => reason,
            },
        });
    }

    fn begin_again(&mut self, path: &Path) -> Result<(), String> {
        if self.started.is_some() {
            return Err("another run is being started".to_owned());
        }
        let host = self.host.as_mut().ok_or("runs cannot be continued from here")?;
        let started = host.resume(path)?;
        self.started = Some(self.inbox.forward("start", started, Message::Started)?);
        Ok(())
    }

    fn show_started(&mut self, path: &Path, waits: bool) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !waits || self.run_is_ours() {
            self.ui.notice = Some(format!("{name} trains in the background"));
            return;
        }
        self.open(path, For::Person(self.ui.screen));
    }
}
