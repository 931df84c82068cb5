//! One sweep of a name at a time: a second process would begin the runs that the first has not come to.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::bounded_file::without_links;
use crate::cli::failure::Failure;
use crate::printable::printable_path;

/// Held while a sweep's runs are carried out.
#[derive(Debug)]
pub struct SweepLock {
    path: PathBuf,
    /// Locked; the system unlocks it when the process ends, however it ends.
    _file: File,
}

/// Whether the sweep could be locked.
#[derive(Debug)]
pub enum Locked {
    Now(SweepLock),
    /// A process is at work on it; its number, if it could be read.
    By(Option<u32>),
}

impl SweepLock {
    /// Locks the sweep of this name in the folder of all sessions, which is made where it is missing.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn take(root: &Path, name: &str) -> Result<Locked, Failure> {
        let path = root.join(format!(".{name}.sweep"));
        let failed = |error| Failure::failed(format!("cannot write {}: {error}", printable_path(&path)));
        fs::create_dir_all(root).map_err(failed)?;
        let mut options = File::options();
        let opened = without_links(options.read(true).append(true).create(true)).open(&path);
        let mut file = opened.map_err(failed)?;
        match file.try_lock() {
            // Without locks the sessions' own locks must do, of which this file system has none either.
            Ok(()) | Err(TryLockError::Error(_)) => {}
            Err(TryLockError::WouldBlock) => {
                let mut process = String::new();
                drop(file.take(64).read_to_string(&mut process));
                return Ok(Locked::By(process.trim().parse().ok()));
            }
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(failed)?;
        Ok(Locked::Now(Self { path, _file: file }))
    }
}

impl Drop for SweepLock {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_is_locked_once() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().join("sessions");
        let take = |name: &str| SweepLock::take(&root, name).unwrap();
        let first = take("rate");
        assert!(matches!(first, Locked::Now(_)));
        assert!(matches!(take("rate"), Locked::By(Some(process)) if process == std::process::id()));
        assert!(matches!(take("other"), Locked::Now(_)));
        drop(first);
        assert!(matches!(take("rate"), Locked::Now(_)));
        assert_eq!(fs::read_dir(root).unwrap().count(), 0);
    }
}
