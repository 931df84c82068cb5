//! Files that are complete or absent: partial file, sync, rename, sync of the folder.

use std::{
    ffi::OsStr,
    fs::{File, Permissions},
    io::{self, Write},
    os::fd::BorrowedFd,
    os::unix::fs::PermissionsExt,
    path::Path,
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::fs::{AtFlags, Mode, OFlags, fsync, openat, renameat, unlinkat};

/// The suffix of an unfinished file's name.
pub const PARTIAL: &str = ".partial";

/// Writes a file by `fill`; a reader sees the old file (or none) until the new one is safe on disk.
///
/// # Errors
/// What `fill` or the file system reports; the partial file is then removed and the old file unchanged.
pub fn write_atomically(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let stem = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut prefix = stem.to_os_string();
    prefix.push(".");
    // tempfile's own 0600 would hide a shared session from colleagues; the umask still applies to 0666.
    let mut partial = tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(PARTIAL)
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)?;
    fill(partial.as_file_mut())?;
    partial.as_file().sync_all()?;
    partial.persist(path).map_err(|failed| failed.error)?;
    File::open(folder)?.sync_all()
}

/// [`write_atomically`] of a file `name` in a folder that is held open, even if the folder has been moved.
///
/// # Errors
/// As [`write_atomically`].
pub fn write_atomically_in(
    folder: BorrowedFd,
    name: &OsStr,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut partial = name.to_os_string();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    partial.push(format!(".{}-{count}{PARTIAL}", process::id()));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let mut file = File::from(openat(folder, &partial, flags, Mode::from_raw_mode(0o666))?);
    let written = fill(&mut file)
        .and_then(|()| file.sync_all())
        .and_then(|()| Ok(renameat(folder, &partial, folder, name)?));
    if written.is_err() {
        let _ = unlinkat(folder, &partial, AtFlags::empty());
    }
    written.and_then(|()| Ok(fsync(folder)?))
}

/// [`write_atomically`] of `bytes`.
///
/// # Errors
/// As [`write_atomically`].
pub fn write_bytes_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_atomically(path, |file| file.write_all(bytes))
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write};

    use super::{write_atomically, write_bytes_atomically};

    #[test]
    fn a_failed_write_leaves_only_the_old_file() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("file");
        write_bytes_atomically(&path, b"old")?;
        let failed = write_atomically(&path, |file| {
            file.write_all(b"half of the ne")?;
            Err(std::io::Error::other("no space"))
        });
        let message = failed.map_err(|error| error.to_string());
        assert_eq!(message, Err("no space".to_owned()));
        assert_eq!(fs::read(&path)?, b"old");
        write_bytes_atomically(&path, b"new")?;
        assert_eq!(fs::read(&path)?, b"new");
        assert_eq!(fs::read_dir(folder.path())?.count(), 1);
        Ok(())
    }
}
