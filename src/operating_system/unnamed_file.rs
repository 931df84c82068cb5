//! Files without a name, which go with their writer if it is killed. Linux has them (`O_TMPFILE`), on most file systems.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, linkat};

/// Makes a file without a name on the disk of `folder`; nothing if the system or the file system has no such files.
#[cfg(target_os = "linux")]
#[must_use]
pub fn create_unnamed(folder: &Path) -> Option<File> {
    use rustix::fs::{Mode, OFlags, open};

    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    open(folder, flags, Mode::from_raw_mode(0o666)).ok().map(File::from)
}

/// Other systems have no such files.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn create_unnamed(_: &Path) -> Option<File> {
    None
}

/// Gives the name `to` to a file of [`create_unnamed`].
///
/// # Errors
/// `EXIST` if there is a file of that name, and what the file system reports.
pub fn name_unnamed(unnamed: &File, to: &Path) -> rustix::io::Result<()> {
    let open = super::device_files::open_file(unnamed.as_raw_fd());
    linkat(CWD, open, CWD, to, AtFlags::SYMLINK_FOLLOW)
}
