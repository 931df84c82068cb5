//! What the screens show, and how.

use std::path::{Path, PathBuf};

use super::{
    follow::{Link, follow},
    host::Host,
    player::USUAL_SPEED,
};
use crate::{
    images::Images,
    keymap::Keymap,
    session::{Record, RunState, SessionFolder},
    theme::Theme,
};

/// A run to be shown.
#[derive(Debug)]
pub struct Viewer {
    /// The way to the run.
    pub link: Link,
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
    /// How many times as fast as the run they are played at first.
    pub speed: f64,
    /// A session's folder, to be opened once the screens are shown.
    pub open: Option<PathBuf>,
    /// The folder of all sessions, for the screen that lists them.
    pub sessions: Option<PathBuf>,
    /// The filter of the list of sessions, and whether it shows groups.
    pub filter: String,
    pub grouped: bool,
    /// Whether another process begins further runs, so that the list is to be read again.
    pub more_to_come: bool,
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
        Ok(Self {
            history: followed.history,
            link: followed.link,
            ..Self::new(followed.folder.path().to_owned(), name)
        })
    }

    /// A run without records so far and without commands, with the colours for the environment, the default keys,
    /// pictures and ten frames a second.
    #[must_use]
    pub fn new(session_dir: PathBuf, title: impl Into<String>) -> Self {
        Self {
            link: Link::default(),
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
            speed: USUAL_SPEED,
            open: None,
            sessions: None,
            filter: String::new(),
            grouped: false,
            more_to_come: false,
            host: None,
        }
    }
}
