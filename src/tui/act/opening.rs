//! Opens sessions: the one that is shown stays until another has been read, and goes when that has arrived.

use std::{path::Path, sync::Arc};

use crate::{
    keymap::Screen,
    session::SessionFolder,
    tui::{
        app::App,
        background::Background,
        inbox::Message,
        opening::{For, Opened, Opening, Rejoining},
        shown_session::ShownSession,
        ui::Layer,
        waits::Waits,
    },
};

impl App {
    /// What is being waited for, if anything is.
    #[must_use]
    pub fn waits(&self) -> Option<Waits> {
        if let Some(opening) = &self.opening {
            return Some(Waits::Opening(opening.name().to_owned()));
        }
        if self.shown.seeking.is_some() {
            return Some(Waits::Seeking);
        }
        if self.shown.rejoining.is_some() {
            return Some(Waits::Rejoining);
        }
        self.drawing.as_ref().map(|drawing| Waits::Drawing(drawing.progress))
    }

    /// Whether something is being read in the background that has not arrived yet.
    pub(in crate::tui) fn is_reading(&self) -> bool {
        let opening = self.opening.as_ref().is_some_and(|opening| opening.arrived.is_none());
        let shown = self.shown.rejoining.is_some() || self.shown.seeking.is_some();
        opening || shown || self.reader.wanted() || self.drawing.is_some()
    }

    /// Begins to open a session. The current one stays on the screen until it has been read. If several are requested,
    /// the last one counts.
    pub(in crate::tui) fn open(&mut self, path: &Path, wanted: For) {
        if self.opening.as_ref().is_some_and(|opening| opening.is_of(path)) {
            return;
        }
        let work = self.begin_reading(path, Message::Opened);
        self.opening_begun(path, wanted, work);
    }

    /// Begins to read a session's journal, to play it on Train.
    pub(in crate::tui) fn replay(&mut self, path: &Path) {
        let of = path.to_owned();
        let work = Background::begin("open", self.inbox.subscribe(Message::Opened), move |_| {
            Opened::replay(&of)
        });
        self.opening_begun(path, For::Person(self.ui.screen), work);
    }

    fn opening_begun(&mut self, path: &Path, wanted: For, work: Result<Background, String>) {
        match work {
            Ok(work) => self.opening = Some(Opening::new(path, wanted, work)),
            Err(reason) => self.not_opened(wanted, reason),
        }
    }

    fn begin_reading(
        &self,
        path: &Path,
        message: fn(Option<Result<Opened, String>>) -> Message,
    ) -> Result<Background, String> {
        let (follow, path) = (Arc::clone(&self.readers.follow), path.to_owned());
        Background::begin("open", self.inbox.subscribe(message), move |_| {
            follow(&path).map(Opened::now)
        })
    }

    /// Keeps a session that was read until it may be shown.
    pub(in crate::tui) fn opened(&mut self, read: Result<Opened, String>) {
        if let Some(opening) = &mut self.opening {
            opening.arrived = Some(read);
        }
    }

    /// Shows the session that was read, if there is one. It waits while the person types or chooses in an overlay, because
    /// the switch would remove what that refers to.
    pub(in crate::tui) fn show_arrived(&mut self) {
        if !matches!(self.ui.layer, Layer::Main | Layer::Help) {
            return;
        }
        let Some(opening) = self.opening.take_if(|opening| opening.arrived.is_some()) else {
            return;
        };
        let shown = opening.arrived.map(|read| read.and_then(|read| self.adopt(read)));
        match shown {
            Some(Err(reason)) => self.not_opened(opening.wanted, reason),
            _ => self.show_opened(opening.wanted),
        }
    }

    /// Takes the new read of the session that is shown.
    pub(in crate::tui) fn rejoined(&mut self, read: Result<Opened, String>) {
        let Some(rejoining) = self.shown.rejoining.take() else {
            return;
        };
        match read {
            Ok(read) => self.rejoin_with(read, rejoining.notice),
            Err(reason) => self.ui.notice = Some(reason),
        }
    }

    /// Shows the opened session, unless the person has meanwhile gone to another screen.
    fn show_opened(&mut self, wanted: For) {
        if self.shown.link.read_only.is_some() {
            self.ui.notice.clone_from(&self.shown.link.read_only);
        }
        match wanted {
            For::Person(screen) if screen == self.ui.screen => self.show(Screen::Train),
            For::Person(_) | For::TheStart => {}
        }
    }

    /// Handles a session that could not be opened: the current one stays, and if there is none the screens end.
    fn not_opened(&mut self, wanted: For, reason: String) {
        match wanted {
            For::TheStart => self.cannot_start = Some(reason),
            For::Person(_) => self.ui.notice = Some(reason),
        }
    }

    /// Cancels what is being waited for; returns whether there was anything.
    pub(in crate::tui) fn give_up(&mut self) -> bool {
        let Some(opening) = self.opening.take() else {
            return self.give_up_seeking();
        };
        self.ui.notice = Some(format!("{} was not opened", opening.name()));
        if let (For::TheStart, Some(root)) = (opening.wanted, self.sessions.root.clone()) {
            // Without a run, there are only sessions to choose from.
            self.shown.title.clear();
            self.shown.folder = root;
            self.show(Screen::Sessions);
        }
        true
    }

    /// Shows another session in place of the one that is shown.
    ///
    /// # Errors
    /// A message if its pictures cannot be read; the previous one then stays.
    fn adopt(&mut self, opened: Opened) -> Result<(), String> {
        let (shown, wanted) = ShownSession::of(opened, self.display.painter, &self.inbox)?;
        self.shown = shown;
        self.overlays.take_away(&self.shown.folder);
        self.read_predictions(wanted);
        self.draw_missing_images();
        Ok(())
    }

    /// Handles a new name of the session in `before`, if it is shown or being opened.
    ///
    /// # Errors
    /// A message if its pictures cannot be read.
    pub(in crate::tui) fn renamed(&mut self, before: &Path, renamed: &SessionFolder) -> Result<(), String> {
        if let Some(opening) = self.opening.take_if(|opening| opening.is_of(before)) {
            self.open(renamed.path(), opening.wanted);
        }
        if before == self.shown.folder {
            let pictures = self.inbox.subscribe(Message::Picture);
            let renamed = self.shown.renamed(renamed, self.display.painter, pictures);
            renamed.map_err(|error| error.to_string())?;
            // The journal at the old path is no longer followed.
            self.shown.link.unfollow();
            self.read_evaluations();
            self.begin_rejoining(None);
        }
        Ok(())
    }

    /// Reads the shown session again, because another process continues it.
    pub fn rejoin(&mut self) {
        self.begin_rejoining(Some("another process has resumed this session"));
    }

    /// Reads the shown session again, because its run did not take commands from here.
    pub(in crate::tui) fn reconnect(&mut self) {
        self.begin_rejoining(Some("the run takes commands from here now"));
    }

    fn begin_rejoining(&mut self, notice: Option<&'static str>) {
        self.shown.link.wait_no_more();
        match self.begin_reading(&self.shown.folder, Message::Rejoined) {
            Ok(work) => self.shown.rejoining = Some(Rejoining::new(work, notice)),
            Err(reason) => self.ui.notice = Some(reason),
        }
    }

    /// Switches to the new process's records and commands; the person's view stays as it is.
    fn rejoin_with(&mut self, opened: Opened, notice: Option<&'static str>) {
        let wanted = match self.shown.reread(opened, &self.inbox) {
            Ok(wanted) => wanted,
            Err(reason) => {
                self.ui.notice = Some(reason);
                return;
            }
        };
        // The reason why it still takes no commands is more important than the notice.
        let notice = self.shown.link.read_only.clone().or(notice.map(str::to_owned));
        self.ui.notice = notice.or(self.ui.notice.take());
        self.read_predictions(wanted);
    }
}
