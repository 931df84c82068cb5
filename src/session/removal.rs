//! The end of a session's folder: what says that it is being removed, and what keeps it from being begun again meanwhile.

use std::{
    ffi::OsString,
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use super::folder::{FOLDERS, FolderError, LOCK, SessionFolder, SessionLock};
use super::journal::first_record;

/// What a session's name gets while its files go.
const ASIDE: &str = ".removed";
/// The second line of the `lock` of a process that removes the session.
const REMOVES: &str = "removes";

/// What the `lock` says of the process that held it last; it need not be there any more.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Holder {
    pub process: Option<u32>,
    /// Whether it removes the session.
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

/// Whether a `lock` holds what this program writes into one.
#[must_use]
pub fn is_lock_text(text: &[u8]) -> bool {
    let mut words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.all(|word| word.iter().all(u8::is_ascii_digit) || word == REMOVES.as_bytes())
}

impl SessionLock {
    /// Says to whoever asks for the session that this process removes it.
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

    /// Gives the folder another name, at one stroke: nobody begins or resumes the session in a folder that is half removed.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn set_aside(&self) -> io::Result<PathBuf> {
        let path = self.path().canonicalize()?;
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        for next in 1_u32.. {
            let mut aside = name.to_os_string();
            aside.push(if next == 1 {
                ASIDE.to_owned()
            } else {
                format!("{ASIDE}-{next}")
            });
            let aside = path.with_file_name(aside);
            // A rename would take an empty folder's place.
            if aside.symlink_metadata().is_err() {
                fs::rename(&path, &aside)?;
                return Ok(aside);
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// That no process is removing the session of this name, whose folder is not there.
    ///
    /// # Errors
    /// One is.
    pub fn check_not_being_removed(&self) -> Result<(), FolderError> {
        let begin = OsString::from(format!("{}{ASIDE}", self.name()));
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
            // The lock is among the last that go.
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

    /// A folder that was made a moment ago, which gives the name back where the session's own was set aside just before.
    pub(super) fn unless_being_removed(self) -> Result<Self, FolderError> {
        let checked = self.check_not_being_removed();
        if checked.is_err()
            && let Ok(lock) = self.lock()
        {
            self.remove_unbegun(lock);
        }
        checked.map(|()| self)
    }

    /// Gives the name of a run that failed before its first event back: its empty folders and its lock go. A session
    /// with a journal, and whatever else lies in the folder, stays.
    pub fn remove_unbegun(&self, lock: SessionLock) {
        if !lock.held.is_at(self.path()) {
            return;
        }
        match first_record(&self.journal()) {
            // Its first line was never whole: it says nothing.
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
        // What is not empty is not removed, and then what holds it is not either.
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

/// Why a session that was there a moment ago is not.
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
