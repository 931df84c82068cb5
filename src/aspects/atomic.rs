//! Files that are there whole or not at all: partial file, sync, rename.

use std::{
    fs::{File, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::Path,
};

/// Writes a file by `fill`; a reader sees the old file (or none) until the new one is safe on disk.
///
/// # Errors
/// What `fill` or the file system reports; then the partial file is gone and the old file stands.
pub fn write_atomically(
    path: &Path,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut prefix = path
        .file_name()
        .ok_or(io::ErrorKind::InvalidInput)?
        .to_os_string();
    prefix.push(".");
    // tempfile's own 0600 would hide the file from colleagues; the umask still applies to 0666.
    let mut partial = tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(".partial")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)?;
    fill(partial.as_file_mut())?;
    partial.as_file().sync_all()?;
    partial.persist(path).map_err(|failed| failed.error)?;
    File::open(folder)?.sync_all()
}
