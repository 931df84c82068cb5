//! Access to a session's files through its open folder, where this process holds or follows the session. The folder may be
//! moved meanwhile; another folder that takes its name is never read or written.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::Path,
    sync::Arc,
};

use super::folder::{FolderError, JOURNAL, SessionFolder, SessionLock};
use super::held::HeldFolder;
use crate::{atomic_file::write_atomically, bounded_file::open_regular};

impl SessionFolder {
    /// The same session, accessed through the folder that `lock` holds, wherever that is moved; never through another folder
    /// that takes its name.
    #[must_use]
    pub fn held_by(&self, lock: &SessionLock) -> Self {
        self.through(Arc::clone(&lock.held))
    }

    /// The same session, followed wherever its folder is moved; another folder that takes its name is not read.
    ///
    /// # Errors
    /// A folder that cannot be opened.
    pub fn kept_open(&self) -> io::Result<Self> {
        Ok(self.through(Arc::new(HeldFolder::open(self.path())?)))
    }

    /// The folder's device and inode, which do not change with its name.
    ///
    /// # Errors
    /// A folder that is gone.
    pub fn identity(&self) -> io::Result<(u64, u64)> {
        let found = match &self.held {
            Some(held) => held.file().metadata(),
            None => fs::metadata(self.path()),
        };
        found.map(|found| (found.dev(), found.ino()))
    }

    /// Opens a file that lies directly in the session's folder for reading.
    pub(super) fn open_own(&self, name: &str) -> io::Result<File> {
        match &self.held {
            Some(held) => held.read_file(name),
            None => open_regular(&self.path().join(name)),
        }
    }

    /// The journal's length, in bytes.
    ///
    /// # Errors
    /// A journal that is not there or cannot be read.
    pub fn journal_length(&self) -> io::Result<u64> {
        Ok(self.open_journal()?.metadata()?.len())
    }

    /// Opens the journal for reading.
    pub(super) fn open_journal(&self) -> io::Result<File> {
        self.open_own(JOURNAL)
    }

    /// Checks that the open folder still has its name. Does nothing where no folder is held open.
    ///
    /// # Errors
    /// The folder was moved or removed; its path may lead to another session.
    pub fn check_in_place(&self) -> Result<(), FolderError> {
        match &self.held {
            Some(held) if !held.is_at(self.path()) => Err(self.moved()),
            _ => Ok(()),
        }
    }

    pub(super) fn moved(&self) -> FolderError {
        FolderError::Moved {
            path: self.path().to_owned(),
        }
    }

    /// Writes a file of the session (one of its paths) whole or not at all, through the open folder if there is one.
    ///
    /// # Errors
    /// What `fill` or the file system reports.
    pub fn write(&self, path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
        match (&self.held, path.strip_prefix(self.path())) {
            (Some(held), Ok(relative)) => held.write(relative, fill),
            _ => write_atomically(path, fill),
        }
    }

    /// Removes a file of the session (one of its paths), through the open folder if there is one.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        match (&self.held, path.strip_prefix(self.path())) {
            (Some(held), Ok(relative)) => held.remove(relative),
            _ => fs::remove_file(path),
        }
    }

    /// Whether a path of the session is a regular file, through the open folder if there is one.
    #[must_use]
    pub fn is_file(&self, path: &Path) -> bool {
        match (&self.held, path.strip_prefix(self.path())) {
            (Some(held), Ok(relative)) => held.is_file(relative),
            _ => path.is_file(),
        }
    }
}
