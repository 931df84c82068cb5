//! A session that is being opened: a background thread reads it, and it is shown once it has arrived.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    background::Background,
    beside::Beside,
    follow::{Followed, Link, follow},
    seeking::{Fold, fold},
};
use crate::{
    keymap::Screen,
    session::{Record, RunState, SessionFolder, read_journal},
};

/// Reads the session in a folder.
type Follow = Arc<dyn Fn(&Path) -> Result<Followed, String> + Send + Sync>;

/// The functions that read sessions and journals; tests replace them by slower ones.
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

/// A session that was read.
#[derive(Debug)]
pub struct Opened {
    pub followed: Followed,
    pub beside: Beside,
    /// The journal, if it is to be played.
    pub replay: Option<Vec<Record>>,
}

impl Opened {
    /// The session that `follow` has read, as it is now.
    #[must_use]
    pub fn now(followed: Followed) -> Self {
        Self {
            beside: Beside::read(followed.folder.path(), &followed.history),
            followed,
            replay: None,
        }
    }

    /// Reads the session in a folder, to play its journal from the first record.
    ///
    /// # Errors
    /// A message if the folder is not a session's, or its journal cannot be read or is empty.
    pub fn replay(path: &Path) -> Result<Self, String> {
        let folder = SessionFolder::at(path).ok_or_else(|| format!("{} is not a session's folder", path.display()))?;
        let records = read_journal(&folder.journal()).map_err(|error| error.to_string())?;
        if records.is_empty() {
            return Err(format!("{} has recorded nothing yet", folder.name()));
        }
        let history = RunState::default();
        Ok(Self {
            beside: Beside::read(folder.path(), &history),
            followed: Followed {
                folder,
                history,
                link: Link::default(),
            },
            replay: Some(records),
        })
    }
}

/// Why a session is being opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    /// The program was started to show it: if it cannot be read there is nothing else to show.
    TheStart,
    /// A person asked for it on this screen.
    Person(Screen),
}

/// A session that is being opened.
#[derive(Debug)]
pub struct Opening {
    path: PathBuf,
    name: String,
    pub wanted: For,
    _work: Background,
    /// What was read, while the person still types or chooses something that refers to the session shown.
    pub arrived: Option<Result<Opened, String>>,
}

impl Opening {
    /// The session at `path`, which `work` reads.
    #[must_use]
    pub fn new(path: &Path, wanted: For, work: Background) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str());
        Self {
            path: path.to_owned(),
            name: name.to_string_lossy().into_owned(),
            wanted,
            _work: work,
            arrived: None,
        }
    }

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

/// A new read of the session that is shown, because another process continues it, or because its name has changed.
#[derive(Debug)]
pub struct Rejoining {
    _work: Background,
    /// The notice to show once it has arrived.
    pub notice: Option<&'static str>,
}

impl Rejoining {
    /// What `work` reads; `notice` is said once it is there.
    #[must_use]
    pub const fn new(work: Background, notice: Option<&'static str>) -> Self {
        Self { _work: work, notice }
    }
}
