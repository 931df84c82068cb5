//! `masp sessions rm`: removes sessions with their checkpoints. It removes no other folder, and no running session.

use std::fs;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::Path;

use super::error::{RemoveError, SessionsError};
use crate::atomic_file::PARTIAL;
use crate::bounded_file::{open_regular, read_bounded};
use crate::printable::printable;
use crate::session::{Event, FolderError, Record, SessionFolder, SessionLock, is_lock_text, summarise_session};

/// The longest first line of a journal, in bytes.
const LONGEST_LINE: u64 = 16 << 20;

/// Removes the sessions (names under `root`, or paths) once `ask` agrees. The question names all of them, and all are locked
/// before the first one is removed.
///
/// # Errors
/// An unknown or live session, a folder that is not a session, a user who says no, an error of the file system.
pub(super) fn remove(
    root: &Path,
    sessions: &[String],
    ask: impl FnOnce(&str) -> Result<(), RemoveError>,
    out: &mut impl Write,
) -> Result<(), SessionsError> {
    let mut held: Vec<(SessionFolder, SessionLock)> = Vec::new();
    for session in sessions {
        let folder = open(root, session)?;
        if held.iter().any(|(other, _)| other.path() == folder.path()) {
            continue;
        }
        check(folder.path())?;
        // Hold the lock until the session is removed, so that nobody resumes it while the user decides.
        let lock = folder.lock()?;
        // Ignore an error: the mark cannot be written on a full disk, where removing a session matters most.
        drop(lock.announce_removal());
        held.push((folder, lock));
    }
    ask(&question(&held))?;
    for (folder, lock) in &held {
        let path = folder.path();
        folder.held_by(lock).check_in_place()?;
        let aside = folder.set_aside().map_err(|source| RemoveError::Io {
            path: path.to_owned(),
            source,
        })?;
        remove_folder(&aside).map_err(|source| RemoveError::Io { path: aside, source })?;
        writeln!(out, "removed {}", shown(path))?;
    }
    Ok(())
}

/// Opens a session. The remains of a killed removal are completed to a session again, so that they can be locked.
fn open(root: &Path, session: &str) -> Result<SessionFolder, FolderError> {
    match SessionFolder::open(root, session) {
        Err(FolderError::Missing { path }) if is_left_over(&path) => {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            SessionFolder::open_or_create(path.parent().unwrap_or(Path::new("")), &name)
        }
        opened => opened,
    }
}

/// Removes a session's folder. The journal and the lock go last, so that a killed removal leaves a folder that still counts
/// as a session and can be removed.
fn remove_folder(path: &Path) -> io::Result<()> {
    let last = ["journal.jsonl", "lock"];
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else if !last.iter().any(|name| entry.file_name() == *name) {
            fs::remove_file(entry.path())?;
        }
    }
    fs::remove_dir_all(path)
}

/// Whether a folder is not empty and holds only entries that, by their names, are parts of a session.
fn is_left_over(path: &Path) -> bool {
    let names = |folder: &Path| -> Option<Vec<String>> {
        let entries = fs::read_dir(folder).ok()?;
        entries
            .map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect()
    };
    let holds = |folder: &str, is_ours: fn(&str) -> bool| {
        names(&path.join(folder)).is_some_and(|names| names.iter().all(|name| is_ours(name) || name.ends_with(PARTIAL)))
    };
    let is_part = |name: &String| match name.as_str() {
        "note.txt" => true,
        "checkpoints" => holds(name, |name| {
            (name.starts_with("aspects-") || name.starts_with("prompt-")) && name.ends_with(".safetensors")
        }),
        "samples" => holds(name, |name| name.ends_with(".json")),
        "predictions" => holds(name, |name| name.ends_with(".jsonl")),
        "thumbnails" => holds(name, |name| name.ends_with(".png")),
        "evaluations" => holds(name, |name| {
            name == "frozen.json" || name.starts_with(|c: char| c.is_ascii_digit())
        }),
        _ => false,
    };
    !path.is_symlink() && names(path).is_some_and(|names| !names.is_empty() && names.iter().all(is_part))
}

/// Asks on the terminal; only `y` and `yes` agree.
pub(super) fn ask_on_terminal(question: &str) -> Result<(), RemoveError> {
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(RemoveError::NoTerminal);
    }
    let mut answer = String::new();
    let read = write!(io::stderr(), "{question} [y/N] ").and_then(|()| io::stdin().read_line(&mut answer));
    match read {
        Ok(_) if ["y", "yes"].contains(&answer.trim().to_lowercase().as_str()) => Ok(()),
        Ok(_) => Err(RemoveError::Declined),
        Err(_) => Err(RemoveError::NoTerminal),
    }
}

fn question(held: &[(SessionFolder, SessionLock)]) -> String {
    let mut lines = Vec::new();
    for (folder, _) in held {
        let progress = summarise_session(folder).progress();
        let progress = if progress.is_empty() {
            "no step made".to_owned()
        } else {
            progress
        };
        lines.push(format!("  {}  ({progress})\n", shown(folder.path())));
    }
    format!(
        "{}remove {} with all checkpoints?",
        lines.concat(),
        if held.len() == 1 { "it" } else { "them" }
    )
}

/// Checks that a folder is a session, so that a mistyped name cannot remove another folder. It must hold our journal, the
/// files that the program makes before the journal's first line, or only a lock file.
fn check(path: &Path) -> Result<(), RemoveError> {
    if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) {
        return Err(RemoveError::Link(path.to_owned()));
    }
    let made = path.join("lock").is_file() && path.join("checkpoints").is_dir();
    if made || has_journal(path) || holds_only_lock(path) {
        Ok(())
    } else {
        Err(RemoveError::NoSession(path.to_owned()))
    }
}

/// Whether a folder holds only a lock file with this program's text, the last file that a removal deletes.
fn holds_only_lock(path: &Path) -> bool {
    let names = fs::read_dir(path).map(|entries| entries.flatten().map(|entry| entry.file_name()).collect());
    let number = read_bounded(&path.join("lock"), 64);
    names.is_ok_and(|names: Vec<_>| names == ["lock"]) && number.is_ok_and(|text| is_lock_text(&text))
}

fn has_journal(path: &Path) -> bool {
    let mut line = String::new();
    let read = open_regular(&path.join("journal.jsonl"))
        .and_then(|file| BufReader::new(file.take(LONGEST_LINE)).read_line(&mut line));
    let first = read.ok().and_then(|_| serde_json::from_str::<Record>(&line).ok());
    first.is_some_and(|record| matches!(record.event, Event::Session(_)))
}

fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy()).into_owned()
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::path::PathBuf;

    use super::*;

    fn removed(root: &Path, sessions: &[&str]) -> Result<String, SessionsError> {
        let sessions: Vec<String> = sessions.iter().map(|name| (*name).to_owned()).collect();
        let mut out = Vec::new();
        remove(root, &sessions, |_| Ok(()), &mut out)?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    #[test]
    fn either_all_named_sessions_are_removed_or_none() -> Result<(), Box<dyn Error>> {
        let root = tempfile::tempdir()?;
        let root = root.path();
        let names = ["a", "b", "c"];
        for name in names {
            SessionFolder::create(root, name)?;
        }
        assert!(removed(root, &["a", "nowhere"]).is_err());
        let live = SessionFolder::open(root, "b")?;
        let lock = live.lock()?;
        assert!(matches!(
            removed(root, &["a", "b"]),
            Err(SessionsError::Folder(FolderError::Live { .. }))
        ));
        drop(lock);
        let declined = remove(root, &["a".to_owned()], |_| Err(RemoveError::Declined), &mut Vec::new());
        assert!(declined.is_err());
        assert!(names.iter().all(|name| root.join(name).is_dir()));

        assert_eq!(removed(root, &["a", "b", "a"])?.lines().count(), 2);
        assert_eq!(names.map(|name| root.join(name).exists()), [false, false, true]);
        Ok(())
    }

    #[test]
    fn other_folders_are_not_removed() -> Result<(), Box<dyn Error>> {
        let root = tempfile::tempdir()?;
        let root = root.path();
        for (name, file) in [("build", "lock"), ("logs", "journal.jsonl")] {
            fs::create_dir(root.join(name))?;
            fs::write(root.join(name).join(file), "{}\n")?;
            let refused = removed(root, &[name]);
            assert!(refused.is_err_and(|error| error.is_wrong_usage()), "{name}");
        }
        SessionFolder::create(root, "run")?;
        std::os::unix::fs::symlink(root.join("run"), root.join("link"))?;
        assert!(matches!(
            removed(root, &["link"]),
            Err(SessionsError::Remove(RemoveError::Link(_)))
        ));
        assert!(removed(root, &["../etc", "."]).is_err());
        assert_eq!(fs::read_dir(root)?.count(), 4);
        Ok(())
    }

    #[test]
    fn the_remains_of_a_killed_removal_can_be_removed() -> Result<(), Box<dyn Error>> {
        let root = tempfile::tempdir()?;
        let root = root.path();
        let made = |name: &str| -> Result<PathBuf, Box<dyn Error>> {
            let folder = SessionFolder::create(root, name)?;
            fs::write(folder.checkpoints().join("prompt-000003.safetensors"), "x")?;
            fs::create_dir(folder.evaluations().join("20261122-130924-test"))?;
            fs::write(folder.path().join("note.txt"), "good\n")?;
            Ok(folder.path().to_owned())
        };
        // As older versions left it: they removed files in any order, the lock perhaps first.
        fs::remove_file(made("a")?.join("lock"))?;
        let bare = made("b")?;
        for entry in fs::read_dir(&bare)? {
            let path = entry?.path();
            if path.is_dir() {
                fs::remove_dir_all(path)?;
            }
        }
        fs::remove_file(bare.join("note.txt"))?;
        // A mistyped name must not remove a user's own files.
        let own = made("c")?;
        fs::remove_file(own.join("lock"))?;
        fs::write(own.join("checkpoints/mine.bin"), "x")?;
        assert!(removed(root, &["c"]).is_err() && own.join("checkpoints/mine.bin").is_file());
        fs::create_dir(root.join("empty"))?;
        assert!(removed(root, &["empty"]).is_err());

        assert_eq!(removed(root, &["a", "b"])?.lines().count(), 2);
        assert!(!root.join("a").exists() && !root.join("b").exists());
        Ok(())
    }

    #[test]
    fn the_question_names_the_sessions() -> Result<(), Box<dyn Error>> {
        let root = tempfile::tempdir()?;
        SessionFolder::create(root.path(), "run")?;
        let mut asked = String::new();
        let ask = |question: &str| {
            question.clone_into(&mut asked);
            Err(RemoveError::Declined)
        };
        assert!(remove(root.path(), &["run".to_owned()], ask, &mut Vec::new()).is_err());
        assert!(
            asked.contains("run  (no step made)") && asked.ends_with("remove it with all checkpoints?"),
            "{asked}"
        );
        Ok(())
    }
}
