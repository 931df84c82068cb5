//! Access to a session's folder through its descriptor: a run writes to its own folder even if that is moved and its name reused.

use std::{
    ffi::OsStr,
    fs::{self, File, OpenOptions},
    io,
    os::fd::{AsFd, OwnedFd},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Component, Path},
    thread,
    time::Duration,
};

use rustix::{
    fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, flock, openat, statat, unlinkat},
    io::Errno,
};

use crate::atomic_file::write_atomically_in;
use crate::operating_system::{LockHolder, lock_holders, means_no_locks};

/// How the folder itself is opened.
const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::RDONLY).union(OFlags::CLOEXEC);

/// An open folder.
#[derive(Debug)]
pub(super) struct HeldFolder {
    folder: File,
}

impl HeldFolder {
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::DIRECTORY.bits().cast_signed();
        let folder = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
        Ok(Self { folder })
    }

    /// Whether this folder is still what a path leads to.
    pub fn is_at(&self, path: &Path) -> bool {
        let id = |found: fs::Metadata| (found.dev(), found.ino());
        match (self.folder.metadata(), fs::metadata(path)) {
            (Ok(held), Ok(there)) => id(held) == id(there),
            _ => false,
        }
    }

    /// The same folder, through another descriptor.
    pub fn again(&self) -> io::Result<Self> {
        let folder = openat(&self.folder, ".", FOLDER, Mode::empty())?;
        Ok(Self { folder: folder.into() })
    }

    pub fn file(&self) -> &File {
        &self.folder
    }

    /// Opens a file that lies in the folder itself.
    pub fn open_file(&self, name: &str, flags: OFlags) -> io::Result<File> {
        let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        regular(File::from(openat(
            &self.folder,
            name,
            flags,
            Mode::from_raw_mode(0o666),
        )?))
    }

    /// Opens a file that lies in the folder itself, or is linked there, for reading.
    pub fn read_file(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        regular(File::from(openat(&self.folder, name, flags, Mode::empty())?))
    }

    /// Whether `file` is still the folder's entry of this name; it may have been deleted or replaced since it was opened.
    pub fn has(&self, name: &str, file: &File) -> io::Result<bool> {
        let (held, there) = match (
            rustix::fs::fstat(file),
            statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW),
        ) {
            (_, Err(Errno::NOENT)) => return Ok(false),
            (held, there) => (held?, there?),
        };
        Ok((held.st_dev, held.st_ino) == (there.st_dev, there.st_ino))
    }

    /// Writes a file, named relative to the folder, whole or not at all.
    pub fn write(&self, relative: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
        let (folder, name) = self.enter(relative)?;
        write_atomically_in(folder.as_fd(), name, fill)
    }

    pub fn remove(&self, relative: &Path) -> io::Result<()> {
        let (folder, name) = self.enter(relative)?;
        Ok(unlinkat(&folder, name, AtFlags::empty())?)
    }

    pub fn is_file(&self, relative: &Path) -> bool {
        let found = self
            .enter(relative)
            .and_then(|(folder, name)| Ok(statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?));
        found.is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::RegularFile)
    }

    /// Opens the parent folder of a relative path; returns it with the path's last part. No link is followed.
    fn enter<'a>(&self, relative: &'a Path) -> io::Result<(OwnedFd, &'a OsStr)> {
        let mut parts = Vec::new();
        for part in relative.components() {
            match part {
                Component::Normal(part) => parts.push(part),
                _ => return Err(io::ErrorKind::InvalidInput.into()),
            }
        }
        let name = parts.pop().ok_or(io::ErrorKind::InvalidInput)?;
        let mut folder = openat(&self.folder, ".", FOLDER, Mode::empty())?;
        for part in parts {
            folder = openat(&folder, part, FOLDER | OFlags::NOFOLLOW, Mode::empty())?;
        }
        Ok((folder, name))
    }
}

fn regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
    }
}

/// The outcome of a try to lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LockAttempt {
    Taken,
    /// Another process holds it that may write the session.
    Refused,
    /// Only users hold it who may not write the session, so it does not mean that a run is live.
    Stranger,
    /// The file system has no locks on such a file.
    Unsupported,
}

/// Tries to lock an open file, `tries` times: a process that only checks whether the lock is free holds it for a moment.
/// `writer` is the process that the session's lock file names.
pub(super) fn take(file: &File, operation: FlockOperation, tries: u32, writer: Option<u32>) -> io::Result<LockAttempt> {
    for turn in 0.. {
        match flock(file, operation) {
            Ok(()) => return Ok(LockAttempt::Taken),
            Err(Errno::WOULDBLOCK) if turn + 1 < tries => thread::sleep(Duration::from_millis(10)),
            Err(Errno::WOULDBLOCK) if is_held_by_strangers(file, writer) => return Ok(LockAttempt::Stranger),
            Err(Errno::WOULDBLOCK) => return Ok(LockAttempt::Refused),
            Err(Errno::INTR) => {}
            Err(error) if means_no_locks(error) => return Ok(LockAttempt::Unsupported),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(LockAttempt::Refused)
}

/// Whether all holders of a lock are other users who may not write the session. A holder whom the system does not identify
/// counts as one who may.
fn is_held_by_strangers(file: &File, writer: Option<u32>) -> bool {
    let Ok(held) = file.metadata() else { return false };
    let trusted = [held.uid(), rustix::process::geteuid().as_raw(), 0];
    let is_stranger = |holder: &LockHolder| {
        Some(holder.process) != writer && holder.user.is_some_and(|user| !trusted.contains(&user))
    };
    let holders = lock_holders(held.ino());
    !holders.is_empty() && holders.iter().all(is_stranger)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn files_are_written_to_the_held_folder_even_if_another_takes_its_name() {
        let root = tempfile::tempdir().unwrap();
        let [first, moved] = ["first", "moved"].map(|name| root.path().join(name));
        fs::create_dir_all(first.join("checkpoints")).unwrap();
        let held = HeldFolder::open(&first).unwrap();
        assert!(held.is_at(&first));
        fs::rename(&first, &moved).unwrap();
        fs::create_dir_all(first.join("checkpoints")).unwrap();
        assert!(held.is_at(&moved) && !held.is_at(&first));

        let file = Path::new("checkpoints/a");
        held.write(file, |file| file.write_all(b"mine")).unwrap();
        fs::write(first.join(file), "another's").unwrap();
        assert_eq!(fs::read(moved.join(file)).unwrap(), b"mine");
        let failed = held.write(file, |_| Err(io::Error::other("no space"))).unwrap_err();
        assert_eq!(failed.to_string(), "no space");
        assert_eq!(fs::read_dir(moved.join("checkpoints")).unwrap().count(), 1);
        assert!(held.is_file(file));
        held.remove(file).unwrap();
        assert!(!held.is_file(file) && first.join(file).is_file());

        // No name and no link leads out of the folder.
        std::os::unix::fs::symlink(first.join("checkpoints"), moved.join("samples")).unwrap();
        for outside in ["samples/a", "../first/a", "/a", ""] {
            assert!(held.write(Path::new(outside), |_| Ok(())).is_err(), "{outside:?}");
        }
    }
}
