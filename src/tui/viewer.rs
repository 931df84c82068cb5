//! What the screens show, and how.

use std::path::{Path, PathBuf};

use crossbeam_channel::{Receiver, Sender};

use super::{
    follow::{Following, follow},
    host::Host,
};
use crate::{
    images::Images,
    keymap::Keymap,
    session::{Command, Record, RunState, SessionFolder},
    theme::Theme,
};

/// A run to be shown.
#[derive(Debug)]
pub struct Viewer {
    /// The run's records as they arrive. The channel should be unbounded, because a sender that waited for the screen
    /// would be slowed down by a slow terminal. Records that are already in `history` are ignored. `None`: none will come.
    pub records: Option<Receiver<Record>>,
    /// The channel for commands to the run; `None` if it has ended, or if it belongs to another process and has no
    /// socket.
    pub commands: Option<Sender<Command>>,
    /// Why a running run does not take commands from here.
    pub read_only: Option<String>,
    /// Receives a message when another process continues the session.
    pub resumed: Option<Receiver<()>>,
    /// Kept while another process's journal is followed.
    pub following: Option<Following>,
    /// The past: the state computed from the journal so far.
    pub history: RunState,
    /// The session's folder: files that events name lie under it.
    pub session_dir: PathBuf,
    /// The session's name for the header.
    pub title: String,
    /// Whether this process runs the run, so that leaving must ask what to do with it.
    pub owns_run: bool,
    pub theme: Theme,
    /// The theme for a light background; set if the terminal is to be asked about its background.
    pub on_light: Option<Theme>,
    pub keymap: Keymap,
    /// The largest number of frames per second that show the run's records; keys are answered sooner.
    pub fps: u32,
    /// How samples' pictures are shown, if at all.
    pub images: Images,
    /// Records to be played instead of a run.
    pub replay: Vec<Record>,
    /// A session's folder, to be opened once the screens are shown.
    pub open: Option<PathBuf>,
    /// The folder of all sessions, for the screen that lists them.
    pub sessions: Option<PathBuf>,
    /// Opens models; without a host only a live run can be asked.
    pub host: Option<Box<dyn Host>>,
}

impl Viewer {
    /// A replay of a session's journal.
    #[must_use]
    pub fn replay(folder: &SessionFolder, records: Vec<Record>) -> Self {
        Self {
            replay: records,
            ..Self::new(folder.path().to_owned(), folder.name())
        }
    }

    /// A session that the screens open themselves, so that slow reads and answers happen in the background.
    #[must_use]
    pub fn opening(folder: &SessionFolder) -> Self {
        Self {
            open: Some(folder.path().to_owned()),
            ..Self::new(folder.path().to_owned(), folder.name())
        }
    }

    /// A session read from its folder; a live one takes commands through its socket.
    ///
    /// # Errors
    /// A message if the folder is not a session's, or its journal cannot be read.
    pub fn of_session(folder: &Path) -> Result<Self, String> {
        let followed = follow(folder)?;
        let name = followed.folder.name().to_owned();
        let link = followed.link;
        Ok(Self {
            history: followed.history,
            records: link.records,
            commands: link.commands,
            read_only: link.read_only,
            resumed: link.resumed,
            following: link.following,
            ..Self::new(followed.folder.path().to_owned(), name)
        })
    }

    /// A run without records so far and without commands, with the colours for the environment, the default keys,
    /// pictures and ten frames a second.
    #[must_use]
    pub fn new(session_dir: PathBuf, title: impl Into<String>) -> Self {
        Self {
            records: None,
            commands: None,
            read_only: None,
            resumed: None,
            following: None,
            history: RunState::default(),
            session_dir,
            title: title.into(),
            owns_run: false,
            theme: Theme::from_environment(|name| std::env::var(name).ok()),
            on_light: None,
            keymap: Keymap::default(),
            fps: 10,
            images: Images::Auto,
            replay: Vec::new(),
            open: None,
            sessions: None,
            host: None,
        }
    }
}
