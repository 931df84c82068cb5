use std::error::Error;

use super::*;

type Outcome = Result<(), Box<dyn Error>>;

/// A session that is locked and set aside, as during a removal.
fn being_removed(root: &Path) -> Result<(SessionLock, PathBuf), Box<dyn Error>> {
    let folder = SessionFolder::create(root, "run")?;
    let lock = folder.lock()?;
    lock.announce_removal()?;
    let refused = folder.lock().err().ok_or("locked twice")?.to_string();
    assert!(refused.contains("is being removed by another process ("), "{refused}");
    Ok((lock, folder.set_aside()?))
}

#[test]
fn a_session_that_is_being_removed_cannot_be_begun() -> Outcome {
    let root = tempfile::tempdir()?;
    let root = root.path();
    let (lock, aside) = being_removed(root)?;
    assert_eq!(aside, root.canonicalize()?.join("run.removed"));
    let refused = |opened: Result<SessionFolder, FolderError>| opened.err().map(|error| error.to_string());
    let words = "the session `run` is being removed";
    for opened in [
        SessionFolder::open_or_create(root, "run"),
        SessionFolder::reopen(root, "run"),
    ] {
        let said = refused(opened).ok_or("opened")?;
        assert!(said.starts_with(words) && said.contains("--session"), "{said}");
        assert!(!root.join("run").exists());
    }
    // Also where the lock is gone already.
    fs::remove_file(aside.join(LOCK))?;
    fs::write(aside.join("journal.jsonl"), "")?;
    assert!(refused(SessionFolder::open_or_create(root, "run")).is_some_and(|said| said.starts_with(words)));
    // Beginning another session of that name, and resuming it, does no harm.
    let new = SessionFolder::create(root, "run")?;
    assert_eq!(SessionFolder::open_or_create(root, "run")?, new);
    drop(new.lock()?);
    fs::remove_dir_all(new.path())?;

    fs::remove_dir_all(&aside)?;
    drop(lock);
    let gone = SessionFolder::reopen(root, "run");
    assert!(matches!(gone, Err(FolderError::Missing { .. })) && !root.join("run").exists());
    SessionFolder::open_or_create(root, "run")?;
    Ok(())
}

#[test]
fn a_session_created_during_a_removal_gives_its_name_back() -> Outcome {
    let root = tempfile::tempdir()?;
    let (lock, aside) = being_removed(root.path())?;
    let made = SessionFolder::create(root.path(), "run")?;
    assert!(made.unless_being_removed().is_err() && !root.path().join("run").exists());
    drop(lock);
    // The remains of a killed removal block nobody.
    assert!(aside.is_dir());
    SessionFolder::open_or_create(root.path(), "run")?;
    Ok(())
}

#[test]
fn a_live_session_with_the_suffix_is_not_a_removal() -> Outcome {
    let root = tempfile::tempdir()?;
    let other = SessionFolder::create(root.path(), "run.removed")?;
    let _lock = other.lock()?;
    let (_held, aside) = being_removed(root.path())?;
    assert!(aside.ends_with("run.removed-2"), "{}", aside.display());
    fs::remove_dir_all(aside)?;
    SessionFolder::open_or_create(root.path(), "run")?;
    Ok(())
}

#[test]
fn a_folder_removed_between_two_checks_is_not_created_again() -> Outcome {
    let root = tempfile::tempdir()?;
    let folder = SessionFolder::create(root.path(), "run")?;
    let lock = folder.lock()?;
    lock.announce_removal()?;
    folder.set_aside()?;
    for error in [folder.complete().err(), folder.lock().err()] {
        let said = error.ok_or("gone on with")?.to_string();
        assert!(said.contains("is being removed"), "{said}");
    }
    assert!(!folder.path().exists());
    Ok(())
}

#[test]
fn lock_texts_are_recognised() {
    for text in ["", "4711\n", "4711", "4711\nremoves\n"] {
        assert!(is_lock_text(text.as_bytes()), "{text:?}");
    }
    for text in ["removed", "my notes", "47x", "{}"] {
        assert!(!is_lock_text(text.as_bytes()), "{text:?}");
    }
}
