//! Removal of a session's folder: the mark that it is being removed, and the checks that nobody begins the session meanwhile.

use std::{
    ffi::OsString,
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use super::folder::{FOLDERS, FolderError, LOCK, SessionFolder, SessionLock};
use super::journal::first_record;

/// The suffix of a session's folder while its files are removed.
const REMOVED_SUFFIX: &str = ".removed";
/// The second line of the `lock` of a process that removes the session.
const REMOVES: &str = "removes";

/// What the `lock` file says of the process that held it last; that process may have ended.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Holder {
    pub process: Option<u32>,
    /// Whether that process removes the session.
    pub removes: bool,
}

impl Holder {
    fn of(folder: &SessionFolder) -> io::Result<Self> {
        let mut text = String::new();
        folder.open_own(LOCK)?.take(64).read_to_string(&mut text)?;
        let mut lines = text.lines();
        Ok(Self {
            process: lines.next().and_then(|line| line.trim().parse().ok()),
            removes: lines.next() == Some(REMOVES),
        })
    }
}

/// Whether the text of a `lock` file is one that this program writes.
#[must_use]
pub fn is_lock_text(text: &[u8]) -> bool {
    let mut words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.all(|word| word.iter().all(u8::is_ascii_digit) || word == REMOVES.as_bytes())
}

impl SessionLock {
    /// Marks the lock file, so that other processes can see that this one removes the session.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn announce_removal(&self) -> io::Result<()> {
        writeln!(&self.file, "{REMOVES}")
    }
}

impl SessionFolder {
    pub(super) fn holder(&self) -> Holder {
        Holder::of(self).unwrap_or_default()
    }

    /// Renames the folder in one step, so that nobody begins or resumes the session in a folder that is half removed. Returns
    /// the new path.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn set_aside(&self) -> io::Result<PathBuf> {
        let path = self.path().canonicalize()?;
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        for next in 1_u32.. {
            let mut aside = name.to_os_string();
            aside.push(if next == 1 {
                REMOVED_SUFFIX.to_owned()
            } else {
                format!("{REMOVED_SUFFIX}-{next}")
            });
            let aside = path.with_file_name(aside);
            // `rename` would replace an empty folder of that name.
            if aside.symlink_metadata().is_err() {
                fs::rename(&path, &aside)?;
                return Ok(aside);
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Checks that no process is removing the session of this name, whose folder has been set aside.
    ///
    /// # Errors
    /// A process is removing it.
    pub fn check_not_being_removed(&self) -> Result<(), FolderError> {
        let begin = OsString::from(format!("{}{REMOVED_SUFFIX}", self.name()));
        let entries = self
            .path()
            .parent()
            .map(|root| fs::read_dir(root).into_iter().flatten());
        for entry in entries.into_iter().flatten().flatten() {
            let name = entry.file_name();
            if !name.as_encoded_bytes().starts_with(begin.as_encoded_bytes()) {
                continue;
            }
            let Some(aside) = Self::at(&entry.path()) else { continue };
            // The lock file is among the last to be removed: without it, the removal is nearly done.
            let holder = Holder::of(&aside).unwrap_or(Holder {
                process: None,
                removes: true,
            });
            if holder.removes && aside.is_live().unwrap_or(false) {
                return Err(FolderError::BeingRemoved {
                    name: self.name().to_owned(),
                    process: holder.process,
                });
            }
        }
        Ok(())
    }

    /// The folder, which was just made. If the session that had this name is being removed, the new folder is removed again.
    pub(super) fn unless_being_removed(self) -> Result<Self, FolderError> {
        let checked = self.check_not_being_removed();
        if checked.is_err()
            && let Ok(lock) = self.lock()
        {
            self.remove_unbegun(lock);
        }
        checked.map(|()| self)
    }

    /// Frees the name of a run that failed before its first event: removes its empty folders and its lock file. A session
    /// with a journal stays, and so does anything else in the folder.
    pub fn remove_unbegun(&self, lock: SessionLock) {
        if !lock.held.is_at(self.path()) {
            return;
        }
        match first_record(&self.journal()) {
            // Its first line is incomplete, so it holds no event.
            Ok(None) => drop(fs::remove_file(self.journal())),
            _ if self.journal().exists() => return,
            _ => {}
        }
        self.give_name_back();
        drop(lock);
    }

    /// Removes the folders that a session begins with and its lock, where nothing else is there.
    pub fn give_name_back(&self) {
        if self.journal().symlink_metadata().is_ok() {
            return;
        }
        // A folder that is not empty is not removed, and then the session's folder is not removed either.
        for folder in FOLDERS {
            drop(fs::remove_dir(self.path().join(folder)));
        }
        let others =
            fs::read_dir(self.path()).map_or(0, |entries| entries.flatten().filter(|e| e.file_name() != LOCK).count());
        if others == 0 {
            drop(fs::remove_file(self.path().join(LOCK)));
            drop(fs::remove_dir(self.path()));
        }
    }
}

/// The error for a session that was just there and is gone: it is being removed, or it is missing.
pub(super) fn missing(name: &str, path: &Path) -> FolderError {
    let gone = SessionFolder::named(name, path);
    match gone.check_not_being_removed() {
        Err(removed) => removed,
        Ok(()) => FolderError::Missing { path: path.to_owned() },
    }
}

#[cfg(test)]
#[path = "removal_tests.rs"]
mod tests;
