//! Files that a person names for what is written: replaced whole, or written into where they are a pipe or the like. What
//! would be lost by a replacement (a device, a link) is refused.

use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::Errno;

use crate::atomic_file::{PARTIAL, write_atomically};
use crate::operating_system::{OPEN_FILES, create_unnamed, name_unnamed, takes_any_output};
use crate::printable::printable_path;

/// So long a pipe's reader is waited for.
const READER: Duration = Duration::from_secs(2);
/// What a writer that was killed left is removed when it is so old.
const STALE_AGE: Duration = Duration::from_secs(3600);
/// More links in a row are a circle.
const MOST_LINKS: usize = 40;

/// Where a name leads.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// A regular file, or none yet.
    File,
    Stdout,
    Stderr,
    /// A pipe, a terminal, or a device that takes anything.
    Stream(PathBuf),
}

/// Whether what is written there flows on, so that nothing can lie beside it and its ending says nothing.
#[must_use]
pub fn is_stream(path: &Path) -> bool {
    matches!(place(path), Ok(Place::Stdout | Place::Stderr | Place::Stream(_)))
}

/// Whether it leads to standard output, where no other word should stand then.
#[must_use]
pub fn is_stdout(path: &Path) -> bool {
    matches!(place(path), Ok(Place::Stdout))
}

/// Whether a file may be written there, before the work that it is to hold.
///
/// # Errors
/// A sentence without the path: what lies there is no file, and would be lost.
pub fn check_output(path: &Path) -> io::Result<()> {
    place(path).map(drop)
}

/// Writes by `fill`: a file is there whole or not at all, and a writer that is killed leaves nothing of it; a pipe, a terminal
/// and `/dev/stdout` are written into once all is there.
///
/// # Errors
/// What `fill` or the file system reports; a device, a folder, a link; a pipe that nobody reads.
pub fn write_output(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let into = match place(path)? {
        Place::File => return write_file(path, fill),
        into => into,
    };
    let mut whole = tempfile::tempfile()?;
    fill(&mut whole)?;
    whole.rewind()?;
    match into {
        Place::Stdout => pass_on(&mut whole, &mut io::stdout().lock()),
        Place::Stderr => pass_on(&mut whole, &mut io::stderr().lock()),
        Place::Stream(path) => pass_on(&mut whole, &mut open_stream(&path)?),
        Place::File => Ok(()),
    }
}

/// [`write_output`] of bytes that are at hand.
///
/// # Errors
/// As [`write_output`].
pub fn write_output_bytes(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_output(path, |file| file.write_all(bytes))
}

fn pass_on(from: &mut File, to: &mut impl Write) -> io::Result<()> {
    io::copy(from, to)?;
    to.flush()
}

fn place(named: &Path) -> io::Result<Place> {
    let refused = |what: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, what.to_owned()));
    let mut path = named.to_owned();
    for links in 0..MOST_LINKS {
        match descriptor(&path) {
            Some(1) => return Ok(Place::Stdout),
            Some(2) => return Ok(Place::Stderr),
            Some(_) => return Ok(Place::Stream(path)),
            None => {}
        }
        let found = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && links == 0 => return Ok(Place::File),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            found => found.ok().map(|found| (found.file_type(), found.rdev())),
        };
        match found {
            Some((kind, _)) if kind.is_symlink() => {
                let to = fs::read_link(&path)?;
                path = path.parent().unwrap_or(Path::new("")).join(to);
            }
            _ if links > 0 => {
                let text = format!("it is a link to {}; name that file itself", printable_path(&path));
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
            Some((kind, _)) if kind.is_file() => return Ok(Place::File),
            Some((kind, _)) if kind.is_fifo() => return Ok(Place::Stream(path)),
            Some((kind, device)) if kind.is_char_device() && takes_any_output(device) => {
                return Ok(Place::Stream(path));
            }
            Some((kind, _)) if kind.is_dir() => return refused("it is a folder"),
            _ => return refused("it is a device or a socket, not a file"),
        }
    }
    refused("its symbolic links form a cycle")
}

/// The number of one of this process's open files: `/dev/fd/3`, `/proc/self/fd/3`, and what leads there.
fn descriptor(path: &Path) -> Option<u32> {
    let number = path.file_name()?.to_str()?.parse().ok()?;
    let folder = path.parent()?.canonicalize().ok()?;
    (folder == Path::new(OPEN_FILES).canonicalize().ok()?).then_some(number)
}

fn open_stream(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let begin = Instant::now();
    loop {
        match File::options().append(true).custom_flags(flags).open(path) {
            Err(error) if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => {
                if begin.elapsed() > READER {
                    let text = "nobody reads from this pipe; start its reader first";
                    return Err(io::Error::new(io::ErrorKind::NotConnected, text));
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            Ok(file) => {
                fcntl_setfl(&file, OFlags::APPEND)?;
                return Ok(file);
            }
            error => return error,
        }
    }
}

fn write_file(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    remove_stale(folder, name.as_encoded_bytes());
    // A file without a name goes with its writer.
    let Some(mut unnamed) = create_unnamed(folder) else {
        return write_atomically(path, fill);
    };
    fill(&mut unnamed)?;
    unnamed.sync_all()?;
    if give_name(&unnamed, path).is_err() {
        unnamed.rewind()?;
        return write_atomically(path, |file| io::copy(&mut unnamed, file).map(drop));
    }
    File::open(folder)?.sync_all()
}

/// Puts a file without a name in the place of what lies at `path`.
fn give_name(unnamed: &File, path: &Path) -> io::Result<()> {
    match name_unnamed(unnamed, path) {
        Err(Errno::EXIST) => {}
        done => return Ok(done?),
    }
    // A name cannot be given over another one's head, but moved there.
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}{PARTIAL}", std::process::id()));
    let beside = Path::new(&beside);
    name_unnamed(unnamed, beside)?;
    fs::rename(beside, path).inspect_err(|_| drop(fs::remove_file(beside)))
}

/// What earlier writers of the file `name` left when they were killed.
fn remove_stale(folder: &Path, name: &[u8]) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let beside = entry.file_name();
        let rest = beside.as_encoded_bytes().strip_prefix(name);
        let middle = rest.and_then(|rest| rest.strip_prefix(b".")?.strip_suffix(PARTIAL.as_bytes()));
        if !middle.is_some_and(|middle| !middle.is_empty() && middle.iter().all(u8::is_ascii_alphanumeric)) {
            continue;
        }
        let old = |metadata: &fs::Metadata| {
            let age = metadata.modified().ok().and_then(|time| time.elapsed().ok());
            metadata.is_file() && age.is_some_and(|age| age > STALE_AGE)
        };
        if entry.metadata().is_ok_and(|metadata| old(&metadata)) {
            drop(fs::remove_file(entry.path()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Read;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::time::SystemTime;

    use super::*;
    use crate::hostile::make_pipe;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        write_output_bytes(&path, b"old").unwrap();
        let failed = write_output(&path, |file| {
            file.write_all(b"half")?;
            Err(io::Error::other("no space"))
        });
        assert_eq!(failed.unwrap_err().to_string(), "no space");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        // While it is written it has no name that a killed writer would leave, where there are files without one.
        write_output(&path, |file| {
            assert!(names(folder.path()) == ["a.csv"] || !cfg!(target_os = "linux"));
            file.write_all(b"new")
        })
        .unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["a.csv"]);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o111, 0, "{mode:o}");
    }

    #[test]
    fn only_files_left_by_killed_writers_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let here = |name: &str| folder.path().join(name);
        let long_ago = SystemTime::now() - 2 * STALE_AGE;
        for name in [
            "a.csv.x1Y2z3.partial",
            "a.csv..partial",
            "b.csv.x1Y2z3.partial",
            "a.csv.x.y.partial",
        ] {
            let file = File::create(here(name)).unwrap();
            file.set_modified(long_ago).unwrap();
        }
        File::create(here("a.csv.young.partial")).unwrap();
        write_output_bytes(&here("a.csv"), b"new").unwrap();
        let left = [
            "a.csv",
            "a.csv..partial",
            "a.csv.x.y.partial",
            "a.csv.young.partial",
            "b.csv.x1Y2z3.partial",
        ];
        assert_eq!(names(folder.path()), left);
    }

    #[test]
    fn links_folders_and_devices_are_refused_by_their_kind() {
        let folder = tempfile::tempdir().unwrap();
        let here = |name: &str| folder.path().join(name);
        fs::write(here("real.csv"), "old").unwrap();
        symlink("real.csv", here("link.csv")).unwrap();
        symlink("nowhere", here("dangling.csv")).unwrap();
        symlink("circle.csv", here("circle.csv")).unwrap();
        fs::create_dir(here("folder.csv")).unwrap();
        for (name, said) in [
            ("link.csv", "a link to"),
            ("dangling.csv", "a link to"),
            ("circle.csv", "cycle"),
            ("folder.csv", "a folder"),
        ] {
            let error = write_output_bytes(&here(name), b"new").unwrap_err().to_string();
            assert!(error.contains(said), "{name}: {error}");
            assert!(check_output(&here(name)).is_err());
        }
        let said = write_output_bytes(Path::new("/dev/zero"), b"new")
            .unwrap_err()
            .to_string();
        assert!(said.contains("a device"), "{said}");
        assert_eq!(fs::read(here("real.csv")).unwrap(), b"old");
        assert_eq!(fs::read_link(here("link.csv")).unwrap(), Path::new("real.csv"));
        assert_eq!(names(folder.path()).len(), 5);
    }

    #[test]
    fn pipes_and_null_devices_are_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        make_pipe(&pipe);
        let error = write_output_bytes(&pipe, b"x").unwrap_err().to_string();
        assert!(error.contains("nobody reads"), "{error}");
        let reader = {
            let pipe = pipe.clone();
            std::thread::spawn(move || {
                let mut text = String::new();
                File::open(pipe)
                    .and_then(|mut file| file.read_to_string(&mut text))
                    .unwrap();
                text
            })
        };
        // Seeks, as an archive does.
        write_output(&pipe, |file| {
            file.write_all(b"whole")?;
            file.seek(io::SeekFrom::Start(0))?;
            file.write_all(b"W")
        })
        .unwrap();
        assert_eq!(reader.join().unwrap(), "Whole");
        assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo() && is_stream(&pipe));

        write_output_bytes(Path::new("/dev/null"), b"x").unwrap();
        assert!(fs::symlink_metadata("/dev/null").unwrap().file_type().is_char_device());
        for (name, stdout) in [
            ("/dev/stdout", true),
            ("/dev/stderr", false),
            (&format!("{OPEN_FILES}/1"), true),
        ] {
            assert!(
                is_stream(Path::new(name)) && is_stdout(Path::new(name)) == stdout,
                "{name}"
            );
        }
        // An open file by its number, as the shell's `>(...)` names it.
        let path = folder.path().join("log");
        fs::write(&path, "one ").unwrap();
        let open = OpenOptions::new().append(true).open(&path).unwrap();
        write_output_bytes(Path::new(&format!("/dev/fd/{}", open.as_raw_fd())), b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one two");
    }
}
