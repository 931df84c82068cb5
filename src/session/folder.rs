//! A session's folder: its layout, its name, and the lock that tells a live session from a crashed one.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::fs::{FlockOperation, OFlags};

use super::held::{HeldFolder, LockAttempt, take};
use super::removal::{Holder, missing};
use super::utc::Utc;
use crate::atomic_file::PARTIAL;
use crate::bounded_file::without_links;
use crate::printable::{printable, printable_path};

pub(super) const LOCK: &str = "lock";
pub(super) const JOURNAL: &str = "journal.jsonl";
/// How often a lock is tried, ten milliseconds apart: a process that calls `is_live` holds the lock for a moment.
const TRIES: u32 = 20;
const CHECKPOINTS: &str = "checkpoints";
pub(super) const FOLDERS: [&str; 5] = [CHECKPOINTS, "samples", "predictions", "thumbnails", "evaluations"];
const LONGEST_NAME: usize = 80;

/// Why a session's folder cannot be made, opened or locked.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error(
        "`{}` cannot be a session's name: {reason}; use 1 to {LONGEST_NAME} ASCII letters, digits, `.`, `_` or `-`, \
         beginning with a letter or digit",
        printable(name)
    )]
    Name { name: String, reason: &'static str },
    #[error(
        "the session `{name}` exists already in {}; add --resume to go on with it, or choose another name with --session",
        printable_path(root)
    )]
    Exists { name: String, root: PathBuf },
    #[error(
        "there is no session at {}; `masp sessions list` shows those there are",
        printable_path(path)
    )]
    Missing { path: PathBuf },
    #[error("the session `{name}` is running{}; `masp attach {name}` shows it, stop it before you go on with it here", .process.map(|id| format!(" (process {id})")).unwrap_or_default())]
    Live { name: String, process: Option<u32> },
    #[error("the session `{name}` is being removed{}; wait until it is gone, or choose another name with --session", .process.map(|id| format!(" by another process ({id})")).unwrap_or_default())]
    BeingRemoved { name: String, process: Option<u32> },
    #[error(
        "the session's folder {} was moved or removed during the run; nothing was written to the folder that has its \
         name now. What was saved is in the moved folder: `masp train --resume` continues there",
        printable_path(path)
    )]
    Moved { path: PathBuf },
    #[error(
        "the file system of {} has no file locks, so nothing would keep a second run out of this session; set \
         session.root to a folder on another disk, or mount this one with locks (Lustre: `-o flock`; NFS: with its \
         lock service)",
        printable_path(path)
    )]
    NoLocks { path: PathBuf },
    #[error("cannot {action} {}: {source}", printable_path(path))]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

impl FolderError {
    /// Whether the command line was wrong (exit status 2), not the machine (1).
    #[must_use]
    pub fn is_wrong_usage(&self) -> bool {
        matches!(self, Self::Name { .. } | Self::Exists { .. })
    }
}

/// `sessions/<name>/`: where everything of one run lies.
#[derive(Debug, Clone)]
pub struct SessionFolder {
    name: String,
    path: PathBuf,
    /// The open folder, where this process holds the session or follows it: see [`Self::held_by`] and [`Self::kept_open`].
    pub(super) held: Option<Arc<HeldFolder>>,
}

impl PartialEq for SessionFolder {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.path) == (&other.name, &other.path)
    }
}

impl Eq for SessionFolder {}

impl SessionFolder {
    pub(super) fn named(name: &str, path: &Path) -> Self {
        Self {
            name: name.to_owned(),
            path: path.to_owned(),
            held: None,
        }
    }

    pub(super) fn through(&self, held: Arc<HeldFolder>) -> Self {
        Self {
            held: Some(held),
            ..self.clone()
        }
    }

    /// Makes the folder of a new session.
    ///
    /// # Errors
    /// A bad name, a name in use, a root that cannot be written.
    pub fn create(root: &Path, name: &str) -> Result<Self, FolderError> {
        check_name(name)?;
        fs::create_dir_all(root).map_err(|source| failed("make the folder", root, source))?;
        let folder = Self::named(name, &root.join(name));
        fs::create_dir(&folder.path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => FolderError::Exists {
                name: name.to_owned(),
                root: root.to_owned(),
            },
            _ => failed("make the folder", &folder.path, error),
        })?;
        folder.complete()?;
        Ok(folder)
    }

    /// Makes the folder of a new session named by the time (seconds since the epoch, written in UTC) and the data:
    /// `20261122-130924-emoset`, with `-2`, `-3`, ... where that is in use.
    ///
    /// # Errors
    /// A root that cannot be written.
    pub fn create_automatic(root: &Path, dataname: &str, time: f64) -> Result<Self, FolderError> {
        let first = automatic_name(dataname, time);
        let mut name = first.clone();
        for next in 2_u32.. {
            match Self::create(root, &name) {
                Err(FolderError::Exists { .. }) => name = format!("{first}-{next}"),
                made => return made,
            }
        }
        Err(FolderError::Exists {
            name,
            root: root.to_owned(),
        })
    }

    /// Opens a session by its name under `root`, or by its path (anything with a `/`, `.` or `..`).
    ///
    /// # Errors
    /// A bad name, a folder that is missing or is no session.
    pub fn open(root: &Path, session: &str) -> Result<Self, FolderError> {
        let path = if session.contains('/') || session == "." || session == ".." {
            PathBuf::from(session)
        } else {
            check_name(session)?;
            root.join(session)
        };
        Self::at(&path).ok_or(FolderError::Missing { path })
    }

    /// With `--resume`: opens the session of that name, or makes it where there is none.
    ///
    /// # Errors
    /// As [`Self::create`], except for a name in use; also a session that is being removed.
    pub fn open_or_create(root: &Path, name: &str) -> Result<Self, FolderError> {
        check_name(name)?;
        let folder = Self::named(name, &root.join(name));
        if folder.path.symlink_metadata().is_err() {
            folder.check_not_being_removed()?;
        }
        match Self::create(root, name) {
            Err(FolderError::Exists { .. }) => {
                folder.complete()?;
                Ok(folder)
            }
            Ok(made) => made.unless_being_removed(),
            made => made,
        }
    }

    /// With `--resume`: opens a session that was found earlier. If it was removed since, it is not created again.
    ///
    /// # Errors
    /// As [`Self::open`]; a session that is being removed.
    pub fn reopen(root: &Path, name: &str) -> Result<Self, FolderError> {
        check_name(name)?;
        let folder = match Self::open(root, name) {
            Err(FolderError::Missing { path }) => return Err(missing(name, &path)),
            opened => opened?,
        };
        folder.complete()?;
        Ok(folder)
    }

    /// The session that a folder holds, if it holds one.
    #[must_use]
    pub fn at(path: &Path) -> Option<Self> {
        let folder = Self::named("", path);
        if !folder.journal().is_file() && !path.join(LOCK).is_file() {
            return None;
        }
        let name = match path.file_name() {
            Some(name) => name.to_os_string(),
            None => fs::canonicalize(path).ok()?.file_name()?.to_os_string(),
        };
        Some(Self {
            name: name.to_string_lossy().into_owned(),
            ..folder
        })
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.path.join(JOURNAL)
    }

    /// Trained parameters and the optimiser's state: see [`super::Checkpoints`].
    #[must_use]
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join(CHECKPOINTS)
    }

    /// Predictions for the panel's images ([`super::Prediction`] as JSON), one file a look.
    #[must_use]
    pub fn samples(&self) -> PathBuf {
        self.path.join("samples")
    }

    /// Predictions of whole evaluations (JSON Lines).
    #[must_use]
    pub fn predictions(&self) -> PathBuf {
        self.path.join("predictions")
    }

    /// Small pictures (PNG) of the panel's images.
    #[must_use]
    pub fn thumbnails(&self) -> PathBuf {
        self.path.join("thumbnails")
    }

    /// What `masp eval SESSION` wrote, one folder a run.
    #[must_use]
    pub fn evaluations(&self) -> PathBuf {
        self.path.join("evaluations")
    }

    /// Where older versions kept the frozen model's figures, those of the split that was evaluated last.
    #[must_use]
    pub fn frozen(&self) -> PathBuf {
        self.evaluations().join("frozen.json")
    }

    /// A path as events name it: relative to the session's folder if it lies inside, else unchanged.
    #[must_use]
    pub fn relative(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.path).unwrap_or(path).to_owned()
    }

    /// Locks the session for this process until the lock is dropped. The kernel releases it when the
    /// process ends, however it ends. Partial files of a crashed writer are removed.
    ///
    /// The folder itself is locked, because its `lock` file may be deleted. That file is locked too, because older versions
    /// check nothing else.
    ///
    /// # Errors
    /// Another process holds the session, or another session has taken its name meanwhile; the file system has no locks; the
    /// lock file or one of the folders is a link, so that this process would write or remove files elsewhere.
    pub fn lock(&self) -> Result<SessionLock, FolderError> {
        let path = self.path.join(LOCK);
        let held = HeldFolder::open(&self.path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => missing(&self.name, &self.path),
            _ => failed("open the folder", &self.path, source),
        })?;
        let Holder { process, removes } = self.holder();
        let ask = |file: &File| {
            let asked = take(file, FlockOperation::NonBlockingLockExclusive, TRIES, process);
            match asked.map_err(|source| failed("lock", &self.path, source))? {
                LockAttempt::Refused if removes => Err(FolderError::BeingRemoved {
                    name: self.name.clone(),
                    process,
                }),
                LockAttempt::Refused => Err(FolderError::Live {
                    name: self.name.clone(),
                    process,
                }),
                asked => Ok(asked),
            }
        };
        let folder = ask(held.file())?;
        let journal = held.open_file(JOURNAL, OFlags::RDWR).ok();
        if folder == LockAttempt::Unsupported
            && let Some(journal) = &journal
        {
            ask(journal)?;
        }
        let mut file = loop {
            let opened = held.open_file(LOCK, OFlags::RDWR | OFlags::CREATE);
            let file = opened.map_err(|source| failed("open", &path, source))?;
            let asked = ask(&file)?;
            if asked == LockAttempt::Unsupported && folder != LockAttempt::Taken {
                return Err(FolderError::NoLocks {
                    path: self.path.clone(),
                });
            }
            // The file was deleted or replaced after it was opened: another process may hold the new one.
            if !held.has(LOCK, &file).map_err(|source| failed("open", &path, source))? {
                continue;
            }
            if asked != LockAttempt::Stranger {
                break file;
            }
            // A user who may only read the session holds the lock file. Replace it by one that only the owner can open.
            let gone = held.remove(Path::new(LOCK));
            let mut options = OpenOptions::new();
            let private = without_links(options.write(true).create_new(true).mode(0o600));
            gone.and_then(|()| private.open(&path))
                .map_err(|source| failed("replace", &path, source))?;
        };
        if !held.is_at(&self.path) {
            return Err(self.moved());
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(|source| failed("write", &path, source))?;
        for folder in FOLDERS.map(|folder| self.path.join(folder)) {
            if folder.is_symlink() {
                let link = io::Error::other("it is a symbolic link; put the folder itself there");
                return Err(failed("use", &folder, link));
            }
        }
        self.remove_partial_files();
        Ok(SessionLock {
            held: Arc::new(held),
            file,
            _journal: journal,
        })
    }

    /// Gives the session another name beside its old one.
    ///
    /// # Errors
    /// A bad name, a name in use, a session that runs.
    pub fn rename(&self, name: &str) -> Result<Self, FolderError> {
        check_name(name)?;
        let _lock = self.lock()?;
        let root = self.path.parent().unwrap_or(Path::new("")).to_owned();
        let renamed = Self::named(name, &root.join(name));
        // `rename` would replace an empty folder of that name.
        if renamed.path.symlink_metadata().is_ok() {
            return Err(FolderError::Exists {
                name: name.to_owned(),
                root,
            });
        }
        fs::rename(&self.path, &renamed.path).map_err(|source| failed("rename", &self.path, source))?;
        Ok(renamed)
    }

    /// Whether a process that may write the session holds it. False on a file system without locks, where no run can train.
    ///
    /// # Errors
    /// The lock file is not a regular file, or the lock cannot be queried.
    pub fn is_live(&self) -> Result<bool, FolderError> {
        let writer = self.holder().process;
        let ask = |file: &File| {
            let asked = take(file, FlockOperation::NonBlockingLockShared, 1, writer);
            asked.map_err(|source| failed("ask for the lock of", &self.path, source))
        };
        let opened = match &self.held {
            // Opened again: a shared lock through the descriptor that holds the exclusive one would downgrade that one.
            Some(held) => held.again(),
            None => HeldFolder::open(&self.path),
        };
        let folder = match opened {
            Ok(held) => ask(held.file())?,
            Err(_) => LockAttempt::Unsupported,
        };
        let journal = self.open_journal().ok();
        let journal = match journal.filter(|_| folder == LockAttempt::Unsupported) {
            Some(journal) => ask(&journal)?,
            None => folder,
        };
        if folder == LockAttempt::Refused || journal == LockAttempt::Refused {
            return Ok(true);
        }
        let path = self.path.join(LOCK);
        match self.open_own(LOCK) {
            Ok(file) => Ok(ask(&file)? == LockAttempt::Refused),
            // The lock file is missing, or another user keeps it private: only the folder's lock counts.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
                Ok(false)
            }
            Err(error) => Err(failed("open", &path, error)),
        }
    }

    /// Makes the folders and the lock file that are missing after a crash while the session was being created.
    pub(super) fn complete(&self) -> Result<(), FolderError> {
        // Only the subfolders are made: the session's folder itself may have been renamed by now.
        let gone = |action, path: &Path, source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => missing(&self.name, &self.path),
            _ => failed(action, path, source),
        };
        for folder in FOLDERS {
            let path = self.path.join(folder);
            match fs::create_dir(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
                // Something else has the folder's name: the write that needs the folder reports it. A run without
                // checkpoints is not worth starting.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder != CHECKPOINTS => {}
                made => made.map_err(|source| gone("make the folder", &path, source))?,
            }
        }
        let path = self.path.join(LOCK);
        let made = without_links(OpenOptions::new().create(true).append(true)).open(&path);
        made.map(drop).map_err(|source| gone("write", &path, source))
    }

    /// Removes the partial files of a killed writer; errors are ignored, because the files do no harm. `evaluations` is
    /// skipped: other processes write there too, and one may be at work.
    fn remove_partial_files(&self) {
        for folder in FOLDERS.iter().filter(|folder| **folder != "evaluations") {
            for entry in fs::read_dir(self.path.join(folder)).into_iter().flatten().flatten() {
                if entry.file_name().to_string_lossy().ends_with(PARTIAL) {
                    drop(fs::remove_file(entry.path()));
                }
            }
        }
    }
}

/// A session locked by this process; dropping it releases the lock.
#[derive(Debug)]
pub struct SessionLock {
    pub(super) held: Arc<HeldFolder>,
    /// The open `lock` file.
    pub(super) file: File,
    _journal: Option<File>,
}

/// Checks that a text can be a session's name. It becomes a folder's name and part of a command line.
///
/// # Errors
/// The text is not a valid name; the error says why.
pub fn check_name(name: &str) -> Result<(), FolderError> {
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.len() > LONGEST_NAME {
        "it is too long"
    } else if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        "its first character is neither a letter nor a digit"
    } else if name.contains(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c)) {
        "it contains another character"
    } else {
        return Ok(());
    };
    Err(FolderError::Name {
        name: name.to_owned(),
        reason,
    })
}

fn automatic_name(dataname: &str, time: f64) -> String {
    let fit = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let data: String = dataname.chars().map(fit).take(40).collect();
    let name = format!("{}-{data}", Utc::from_seconds(time).to_name());
    name.trim_end_matches('-').to_owned()
}

pub(super) fn failed(action: &'static str, path: &Path, source: io::Error) -> FolderError {
    FolderError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
#[path = "folder_tests.rs"]
mod tests;
