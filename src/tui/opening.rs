//! Sessions that are opened: read on a thread of their own, shown once they have arrived.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use crossbeam_channel::{Receiver, TryRecvError, never};

use super::{
    app::App,
    background::Background,
    browse::Browse,
    cursor::Cursor,
    follow::{Followed, follow},
    model::Model,
    panes::curves::Curves,
    pictures::Pictures,
    seeking::{Fold, fold},
    ui::{Layer, Screen},
};
use crate::session::{KeptEvaluation, Metrics, RunState, SessionFolder, frozen_metrics, kept_evaluations};

/// Reads the session in a folder.
type Follow = Arc<dyn Fn(&Path) -> Result<Followed, String> + Send + Sync>;

/// How sessions and journals are read; tests put something slower in its place.
#[derive(Clone)]
pub struct Readers {
    pub follow: Follow,
    pub fold: Fold,
}

impl Default for Readers {
    fn default() -> Self {
        Self {
            follow: Arc::new(follow),
            fold: Arc::new(fold),
        }
    }
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers").finish_non_exhaustive()
    }
}

/// What lies beside a session's journal: evaluations that were made of it.
#[derive(Debug)]
pub struct Beside {
    /// The figures of the model as it was, where the session holds them.
    pub frozen: Option<Metrics>,
    pub evaluations: Vec<KeptEvaluation>,
}

impl Beside {
    /// Looks into the session's folder.
    #[must_use]
    pub fn read(folder: &Path, state: &RunState) -> Self {
        Self {
            frozen: frozen_metrics(folder),
            evaluations: kept_evaluations(folder, state),
        }
    }
}

/// A session that was read.
#[derive(Debug)]
pub struct Opened {
    followed: Followed,
    beside: Beside,
}

/// What a session is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    /// The program was started to show it: where it cannot be read there is nothing to show.
    TheStart,
    /// A person asked for it on this screen.
    Person(Screen),
}

/// A session that is being opened.
#[derive(Debug)]
pub struct Opening {
    path: PathBuf,
    name: String,
    wanted: For,
    work: Background<Result<Opened, String>>,
}

impl Opening {
    /// The session's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is the session in this folder.
    #[must_use]
    pub fn is_of(&self, folder: &Path) -> bool {
        self.path == folder
    }
}

/// The session that is shown, read anew because another process goes on with it, or because it has another name.
#[derive(Debug)]
pub struct Rejoining {
    work: Background<Result<Opened, String>>,
    notice: Option<&'static str>,
}

/// What the screens wait for while the keys work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waits {
    /// A session of this name is being opened.
    Opening(String),
    /// The session that is shown is being read anew.
    Rejoining,
    /// The state at another place of a journal that is played.
    Seeking,
}

impl Waits {
    /// The header's word.
    #[must_use]
    pub const fn badge(&self) -> &'static str {
        match self {
            Self::Opening(_) => "◌ opening",
            Self::Rejoining => "◌ reading",
            Self::Seeking => "◌ seeking",
        }
    }

    /// The phase in words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Opening(name) => format!("opening {name} …"),
            Self::Rejoining => "reading the session anew …".to_owned(),
            Self::Seeking => "seeking …".to_owned(),
        }
    }

    /// Whether a key gives it up.
    #[must_use]
    pub fn can_be_given_up(&self) -> bool {
        *self != Self::Rejoining
    }
}

impl App {
    /// What is being waited for, if anything is.
    #[must_use]
    pub fn waits(&self) -> Option<Waits> {
        if let Some(opening) = &self.opening {
            return Some(Waits::Opening(opening.name.clone()));
        }
        if self.seeking.is_some() {
            return Some(Waits::Seeking);
        }
        self.rejoining.as_ref().map(|_| Waits::Rejoining)
    }

    /// Begins to open a session. Until it has been read, what is shown stays; of several the last one counts.
    pub(super) fn open(&mut self, path: &Path, wanted: For) {
        if self.opening.as_ref().is_some_and(|opening| opening.is_of(path)) {
            return;
        }
        match self.begin_reading(path) {
            Ok(work) => {
                let name = path.file_name().unwrap_or(path.as_os_str());
                self.opening = Some(Opening {
                    path: path.to_owned(),
                    name: name.to_string_lossy().into_owned(),
                    wanted,
                    work,
                });
            }
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

    /// Where a session that is being opened arrives: not while a person types or chooses on what lies on top, for what that is
    /// about would be gone.
    #[must_use]
    pub fn opened(&self) -> Option<&Receiver<Result<Opened, String>>> {
        let opening = self.opening.as_ref()?;
        matches!(self.ui.layer, Layer::Main | Layer::Help).then(|| opening.work.result())
    }

    /// Where the session that is read anew arrives.
    #[must_use]
    pub fn rejoined(&self) -> Option<&Receiver<Result<Opened, String>>> {
        self.rejoining.as_ref().map(|rejoining| rejoining.work.result())
    }

    /// Takes in a session that has been read; whether one had been.
    pub fn take_opened(&mut self) -> bool {
        let opened = self.opened().map(Receiver::try_recv);
        let opened = arrived(opened).and_then(|read| Some((self.opening.take()?, read)));
        let rejoined = arrived(self.rejoined().map(Receiver::try_recv));
        let rejoined = rejoined.and_then(|read| Some((self.rejoining.take()?, read)));
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

    /// Shows the session that was opened, unless the person has gone to another screen meanwhile.
    fn show_opened(&mut self, wanted: For) {
        if self.read_only.is_some() {
            self.ui.notice.clone_from(&self.read_only);
        }
        match wanted {
            For::Person(screen) if screen == self.ui.screen => self.show(Screen::Train),
            For::Person(_) | For::TheStart => {}
        }
    }

    /// A session could not be opened: what is shown stays, and where that is nothing the screens are left.
    fn not_opened(&mut self, wanted: For, reason: String) {
        match wanted {
            For::TheStart => self.cannot_start = Some(reason),
            For::Person(_) => self.ui.notice = Some(reason),
        }
    }

    /// Gives up what is being waited for; whether there was anything.
    pub(super) fn give_up(&mut self) -> bool {
        let Some(opening) = self.opening.take() else {
            return self.give_up_seeking();
        };
        self.ui.notice = Some(format!("{} was not opened", opening.name));
        if let (For::TheStart, Some(root)) = (opening.wanted, self.sessions.root.clone()) {
            // There are only sessions to choose from.
            self.title.clear();
            self.folder = root;
            self.show(Screen::Sessions);
        }
        true
    }

    /// Shows another session: all that is known of the one before is let go.
    ///
    /// # Errors
    /// A sentence where its pictures cannot be read; the one before stays then.
    fn adopt(&mut self, opened: Opened) -> Result<(), String> {
        let Opened { followed, beside } = opened;
        self.stand_in(&followed.folder)?;
        self.overlays.take_away(followed.folder.path());
        (self.state, self.records) = (followed.history, followed.records);
        (self.commands, self.read_only) = (followed.commands, followed.read_only);
        (self.resumed, self.following) = (followed.resumed, Some(followed.following));
        (self.owns_run, self.lost, self.model) = (false, false, Model::default());
        (self.curves, self.player) = (Curves::default(), None);
        (self.rejoining, self.seeking) = (None, None);
        (self.ui.cursor, self.ui.zoom) = (Cursor::default(), None);
        self.take_beside(beside);
        Ok(())
    }

    /// Files that events name lie in this folder from now on.
    fn stand_in(&mut self, folder: &SessionFolder) -> Result<(), String> {
        self.pictures = Pictures::start(folder.path().to_owned(), self.painter).map_err(|error| error.to_string())?;
        folder.path().clone_into(&mut self.folder);
        folder.name().clone_into(&mut self.title);
        self.browse = Browse::default();
        Ok(())
    }

    /// The session in `before` has another name now: who shows it or waits for it goes on with the new one.
    ///
    /// # Errors
    /// A sentence where its pictures cannot be read.
    pub(super) fn renamed(&mut self, before: &Path, renamed: &SessionFolder) -> Result<(), String> {
        if let Some(opening) = self.opening.take_if(|opening| opening.is_of(before)) {
            self.open(renamed.path(), opening.wanted);
        }
        if before == self.folder {
            self.stand_in(renamed)?;
            // The journal at the old path is watched no more.
            (self.resumed, self.following) = (never(), None);
            self.read_evaluations();
            self.begin_rejoining(None);
        }
        Ok(())
    }

    /// Reads the session that is shown anew, because another process goes on with it.
    pub fn rejoin(&mut self) {
        self.begin_rejoining(Some("another process goes on with this session"));
    }

    /// Reads the session that is shown anew, because its run took no commands from here.
    pub(super) fn reconnect(&mut self) {
        self.begin_rejoining(Some("the run takes commands from here now"));
    }

    fn begin_rejoining(&mut self, notice: Option<&'static str>) {
        self.resumed = never();
        match self.begin_reading(&self.folder) {
            Ok(work) => self.rejoining = Some(Rejoining { work, notice }),
            Err(reason) => self.ui.notice = Some(reason),
        }
    }

    /// What a new process says is shown and it takes the commands; the person stays where they are.
    fn rejoin_with(&mut self, opened: Opened, notice: Option<&'static str>) {
        let Opened { followed, beside } = opened;
        (self.state, self.records) = (followed.history, followed.records);
        (self.commands, self.read_only) = (followed.commands, followed.read_only);
        (self.resumed, self.following) = (followed.resumed, Some(followed.following));
        (self.lost, self.model, self.curves) = (false, Model::default(), Curves::default());
        // Why it still takes no commands is the greater news.
        let notice = self.read_only.clone().or(notice.map(str::to_owned));
        self.ui.notice = notice.or(self.ui.notice.take());
        self.take_beside(beside);
    }
}

/// What has arrived, a sentence where the thread has died.
fn arrived<T>(tried: Option<Result<Result<T, String>, TryRecvError>>) -> Option<Result<T, String>> {
    match tried? {
        Ok(read) => Some(read),
        Err(TryRecvError::Empty) => None,
        Err(TryRecvError::Disconnected) => Some(Err("the session cannot be read: its thread is gone".to_owned())),
    }
}
