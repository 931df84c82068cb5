//! The Sessions screen's keys.

use super::lines;
use crate::tui::{
    app::App,
    keymap::Action,
    ui::{Entry, Screen},
};

impl App {
    pub(super) fn act_sessions(&mut self, action: Action) {
        match action {
            Action::Filter => {
                let filter = self.sessions.filter.clone();
                self.ui.ask(Entry::Sessions, &filter);
            }
            Action::ClearFilter | Action::Out => self.sessions.set_filter(""),
            Action::SortColumn => self.sessions.sort_on(),
            Action::Refresh => self.list_sessions(),
            Action::Mark => {
                self.sessions.mark();
                self.sessions.step(1);
            }
            Action::Open => self.open_selected(),
            action => {
                if let Some(by) = lines(action) {
                    self.sessions.step(by);
                }
            }
        }
    }

    /// Reads which sessions there are.
    pub(in crate::tui) fn list_sessions(&mut self) {
        if let Some(root) = self.sessions.root.clone() {
            self.reader.list(root);
        }
    }

    fn open_selected(&mut self) {
        let Some(path) = self.sessions.session().map(|session| session.path.clone()) else {
            return;
        };
        if path == self.folder {
            self.show(Screen::Train);
        } else if self.run_is_ours() {
            self.ui.notice =
                Some("a run of this process is at work; `masp` in another terminal shows others".to_owned());
        } else if let Err(reason) = self.open(&path) {
            self.ui.notice = Some(reason);
        } else {
            self.show(Screen::Train);
        }
    }
}
