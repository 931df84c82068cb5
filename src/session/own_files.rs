//! The files of a session, reached through its folder where that is held or followed: wherever it is moved, and never in what
//! takes its name.

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
    /// The same session, written through the folder that `lock` holds: wherever it is moved, and never into what takes its name.
    #[must_use]
    pub fn held_by(&self, lock: &SessionLock) -> Self {
        self.through(Arc::clone(&lock.held))
    }

    /// The same session, followed wherever its folder is moved: what takes its name is another.
    ///
    /// # Errors
    /// A folder that cannot be opened.
    pub fn kept_open(&self) -> io::Result<Self> {
        Ok(self.through(Arc::new(HeldFolder::open(self.path())?)))
    }

    /// The folder as the machine knows it, whatever its name is: device and inode.
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

    /// Opens a file of the folder itself for reading.
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

    /// That the folder which is held still has its name. Where none is held there is nothing to say.
    ///
    /// # Errors
    /// It was moved or removed; what is read by its path would be another's.
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

    /// Writes a file of the session (one of its paths) whole or not at all, in the folder that is held.
    ///
    /// # Errors
    /// What `fill` or the file system reports.
    pub fn write(&self, path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
        match (&self.held, path.strip_prefix(self.path())) {
            (Some(held), Ok(relative)) => held.write(relative, fill),
            _ => write_atomically(path, fill),
        }
    }

    /// Removes a file of the session (one of its paths), in the folder that is held.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        match (&self.held, path.strip_prefix(self.path())) {
            (Some(held), Ok(relative)) => held.remove(relative),
            _ => fs::remove_file(path),
        }
    }

    /// Whether a path of the session is a regular file, in the folder that is held.
    #[must_use]
    pub fn is_file(&self, path: &Path) -> bool {
        match (&self.held, path.strip_prefix(self.path())) {
            (Some(held), Ok(relative)) => held.is_file(relative),
            _ => path.is_file(),
        }
    }
}
