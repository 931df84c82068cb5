//! Opens sessions: the one that is shown stays until another has been read, and goes when that has arrived.

use std::{path::Path, sync::Arc};

use crossbeam_channel::{Receiver, TryRecvError, never};

use crate::{
    keymap::Screen,
    session::SessionFolder,
    tui::{
        app::App,
        background::Background,
        beside::Beside,
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
        self.shown.rejoining.as_ref().map(|_| Waits::Rejoining)
    }

    /// Begins to open a session. The current one stays on the screen until it has been read. If several are requested,
    /// the last one counts.
    pub(in crate::tui) fn open(&mut self, path: &Path, wanted: For) {
        if self.opening.as_ref().is_some_and(|opening| opening.is_of(path)) {
            return;
        }
        match self.begin_reading(path) {
            Ok(work) => self.opening = Some(Opening::new(path, wanted, work)),
            Err(reason) => self.not_opened(wanted, reason),
        }
    }

    fn begin_reading(&self, path: &Path) -> Result<Background<Result<Opened, String>>, String> {
        let (follow, path) = (Arc::clone(&self.readers.follow), path.to_owned());
        Background::begin("open", move |_| {
            let followed = follow(&path)?;
            let beside = Beside::read(followed.folder.path(), &followed.history);
            Ok(Opened { followed, beside })
        })
    }

    /// The channel on which a session that is being opened arrives. `None` while the person types or chooses in an
    /// overlay, because the switch would remove what that refers to.
    #[must_use]
    pub fn opened(&self) -> Option<&Receiver<Result<Opened, String>>> {
        let opening = self.opening.as_ref()?;
        matches!(self.ui.layer, Layer::Main | Layer::Help).then(|| opening.work.result())
    }

    /// The channel on which a new read of the session arrives.
    #[must_use]
    pub fn rejoined(&self) -> Option<&Receiver<Result<Opened, String>>> {
        self.shown.rejoining.as_ref().map(|rejoining| rejoining.work.result())
    }

    /// Takes sessions that have been read; returns whether there were any.
    pub fn take_opened(&mut self) -> bool {
        let opened = self.opened().map(Receiver::try_recv);
        let opened = arrived(opened).and_then(|read| Some((self.opening.take()?, read)));
        let rejoined = arrived(self.rejoined().map(Receiver::try_recv));
        let rejoined = rejoined.and_then(|read| Some((self.shown.rejoining.take()?, read)));
        let any = opened.is_some() || rejoined.is_some();
        match rejoined {
            Some((rejoining, Ok(read))) => self.rejoin_with(read, rejoining.notice),
            Some((_, Err(reason))) => self.ui.notice = Some(reason),
            None => {}
        }
        if let Some((opening, read)) = opened {
            match read.and_then(|read| self.adopt(read)) {
                Ok(()) => self.show_opened(opening.wanted),
                Err(reason) => self.not_opened(opening.wanted, reason),
            }
        }
        any
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
        let (shown, wanted) = ShownSession::of(opened, self.display.painter).map_err(|error| error.to_string())?;
        self.shown = shown;
        self.overlays.take_away(&self.shown.folder);
        self.read_predictions(wanted);
        Ok(())
    }

    /// Handles a new name of the session in `before`, if it is shown or being opened.
    ///
    /// # Errors
    /// A sentence where its pictures cannot be read.
    pub(in crate::tui) fn renamed(&mut self, before: &Path, renamed: &SessionFolder) -> Result<(), String> {
        if let Some(opening) = self.opening.take_if(|opening| opening.is_of(before)) {
            self.open(renamed.path(), opening.wanted);
        }
        if before == self.shown.folder {
            let renamed = self.shown.renamed(renamed, self.display.painter);
            renamed.map_err(|error| error.to_string())?;
            // The journal at the old path is no longer followed.
            (self.shown.link.resumed, self.shown.link.following) = (never(), None);
            self.read_evaluations();
            self.begin_rejoining(None);
        }
        Ok(())
    }

    /// Reads the shown session again, because another process continues it.
    pub fn rejoin(&mut self) {
        self.begin_rejoining(Some("another process goes on with this session"));
    }

    /// Reads the shown session again, because its run did not take commands from here.
    pub(in crate::tui) fn reconnect(&mut self) {
        self.begin_rejoining(Some("the run takes commands from here now"));
    }

    fn begin_rejoining(&mut self, notice: Option<&'static str>) {
        self.shown.link.resumed = never();
        match self.begin_reading(&self.shown.folder) {
            Ok(work) => self.shown.rejoining = Some(Rejoining { work, notice }),
            Err(reason) => self.ui.notice = Some(reason),
        }
    }

    /// Switches to the new process's records and commands; the person's view stays as it is.
    fn rejoin_with(&mut self, opened: Opened, notice: Option<&'static str>) {
        let wanted = self.shown.reread(opened);
        // The reason why it still takes no commands is more important than the notice.
        let notice = self.shown.link.read_only.clone().or(notice.map(str::to_owned));
        self.ui.notice = notice.or(self.ui.notice.take());
        self.read_predictions(wanted);
    }
}

/// The result that has arrived; an error message if the thread has died.
fn arrived<T>(tried: Option<Result<Result<T, String>, TryRecvError>>) -> Option<Result<T, String>> {
    match tried? {
        Ok(read) => Some(read),
        Err(TryRecvError::Empty) => None,
        Err(TryRecvError::Disconnected) => Some(Err("the session cannot be read: its thread is gone".to_owned())),
    }
}
