//! The Sessions screen's keys.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use crate::{
    keymap::{Action, Screen},
    session::SessionFolder,
    tui::{
        act::{OWN_RUN, lines},
        app::App,
        inbox::Message,
        opening::For,
        ui::{Entry, Pane},
    },
};

/// The keys of one session, which a group is not.
const OF_ONE_SESSION: [Action; 8] = [
    Action::CloneRun,
    Action::Resume,
    Action::Mark,
    Action::Overlay,
    Action::Note,
    Action::Rename,
    Action::Remove,
    Action::Export,
];

impl App {
    pub(in crate::tui) fn act_sessions(&mut self, action: Action) {
        match action {
            action if self.sessions.groups.is_some() && OF_ONE_SESSION.contains(&action) => {
                self.ui.notice = Some("a group is no session: enter shows its runs".to_owned());
            }
            Action::Filter => {
                let filter = self.sessions.filter.clone();
                self.ui.ask(Entry::Sessions, &filter);
            }
            Action::Out if self.sessions.groups.is_some() => self.sessions.group(),
            Action::ClearFilter | Action::Out => self.sessions.clear_filter(),
            Action::SortColumn => self.sessions.sort_on(),
            Action::SortOrder => self.sessions.turn(),
            Action::Columns => {
                let columns = self.sessions.named_columns();
                self.ui.ask(Entry::Columns, &columns);
            }
            Action::Summary => self.sessions.group(),
            Action::Open if self.sessions.groups.is_some() => self.sessions.open_group(),
            Action::Refresh => self.list_sessions(),
            Action::Mark => match self.sessions.mark() {
                Ok(()) => self.sessions.step(1),
                Err(reason) => self.ui.notice = Some(reason),
            },
            Action::Overlay if self.sessions.marked.is_empty() => {
                let path = self.sessions.session().map(|session| session.path.clone());
                let said = path.map(|path| self.overlay(&path).map_or_else(|reason| reason, str::to_owned));
                self.ui.notice = said;
            }
            Action::Overlay => self.overlay_marked(),
            Action::Open => self.open_selected(),
            Action::CloneRun => self.begin_form(true),
            Action::NewRun => self.begin_form(false),
            Action::Resume => self.resume(),
            Action::Note | Action::Rename | Action::Remove | Action::Export => {
                let Some(session) = self.sessions.session() else { return };
                let (entry, begun) = match action {
                    Action::Note => (Entry::Note, session.note.clone()),
                    Action::Rename => (Entry::Rename, session.name.clone()),
                    Action::Export => (Entry::Export, format!("{}.html", session.name)),
                    _ => (Entry::Remove, String::new()),
                };
                self.ui.ask(entry, &begun);
            }
            action => match lines(action) {
                Some(by) if self.ui.focus() == Pane::About => self.scroll(by),
                Some(by) => {
                    self.sessions.step(by);
                    self.ui.scroll.remove(&Pane::About);
                }
                None => {}
            },
        }
    }

    /// Overlays all marked sessions on the curves, or removes them if all are there.
    fn overlay_marked(&mut self) {
        let marked = self.sessions.marked.iter().filter(|path| **path != self.shown.folder);
        let (there, missing): (Vec<PathBuf>, Vec<PathBuf>) =
            marked.cloned().partition(|path| self.overlays.holds(path));
        let (change, said) = if missing.is_empty() {
            (there, "the curves of the marked sessions are removed from Train")
        } else {
            (missing, "the curves of the marked sessions lie over those on Train")
        };
        let refused = change.iter().find_map(|path| self.overlay(path).err());
        self.ui.notice = Some(refused.unwrap_or_else(|| said.to_owned()));
    }

    /// Starts reading the list of sessions.
    pub(in crate::tui) fn list_sessions(&mut self) {
        if let Some(root) = self.sessions.root.clone() {
            self.reader.list(root);
            self.relisting.asked(Instant::now());
        }
    }

    /// Writes the session under the cursor to a file, in the background; one that exists only where `replace` says so.
    pub(in crate::tui) fn export(&mut self, to: &str, replace: bool) -> Result<(), String> {
        let session = self.sessions.session().ok_or("no session is chosen")?;
        let host = self.host.as_mut().ok_or("nothing can be exported from here")?;
        let written = host.export(&session.path, Path::new(to), replace)?;
        self.exported = Some(self.inbox.forward("export", written, Message::Exported)?);
        self.ui.notice = Some("writing …".to_owned());
        Ok(())
    }

    /// Shows the name of the exported file, or why the export failed.
    pub(in crate::tui) fn export_done(&mut self, written: Result<PathBuf, String>) {
        self.exported = None;
        self.ui.notice = Some(match written {
            Ok(path) => format!("wrote {}", std::path::absolute(&path).unwrap_or(path).display()),
            Err(reason) => reason,
        });
    }

    /// Annotates, renames or removes the session under the cursor.
    pub(in crate::tui) fn change_session(&mut self, entry: Entry, text: &str) -> Result<(), String> {
        let session = self.sessions.session().ok_or("no session is chosen")?;
        let path = session.path.clone();
        let folder = SessionFolder::at(&path).ok_or("the session no longer exists")?;
        match entry {
            Entry::Note => folder.set_note(text).map_err(|error| error.to_string())?,
            Entry::Rename => {
                let renamed = folder.rename(text).map_err(|error| error.to_string())?;
                self.renamed(&path, &renamed)?;
            }
            _ if text != session.name => return Err(format!("that is not its name: {}", session.name)),
            _ if path == self.shown.folder => return Err("this session is shown; open another one first".to_owned()),
            _ if self.opening.as_ref().is_some_and(|opening| opening.is_of(&path)) => {
                return Err("this session is being opened".to_owned());
            }
            _ => self
                .host
                .as_mut()
                .ok_or("sessions cannot be removed from here")?
                .remove(&path)?,
        }
        self.sessions.marked.retain(|marked| *marked != path);
        self.list_sessions();
        Ok(())
    }

    fn open_selected(&mut self) {
        let Some(path) = self.sessions.session().map(|session| session.path.clone()) else {
            return;
        };
        // The key that opens a session leaves its replay.
        if path == self.shown.folder && self.shown.player.is_none() {
            // If two sessions were requested, the last one counts: cancel opening the other.
            self.opening.take_if(|opening| !opening.is_of(&path));
            if self.shown.link.commands.is_none() && self.shown.link.read_only.is_some() {
                // The obstacle may be gone: a stopped process that was continued answers again.
                self.reconnect();
            }
            self.show(Screen::Train);
        } else if self.run_is_ours() {
            self.ui.notice = Some(OWN_RUN.to_owned());
        } else {
            self.open(&path, For::Person(self.ui.screen));
        }
    }
}
