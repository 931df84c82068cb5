use std::{error::Error, io::Read};

use super::*;

type Outcome = Result<(), Box<dyn Error>>;

#[test]
fn a_new_session_has_its_folders_and_its_name_is_taken() -> Outcome {
    let root = tempfile::tempdir()?;
    let root = root.path().join("sessions");
    let made = SessionFolder::create(&root, "first")?;
    for folder in FOLDERS {
        assert!(root.join("first").join(folder).is_dir(), "{folder}");
    }
    let again = SessionFolder::create(&root, "first").err().ok_or("made twice")?;
    assert!(
        again.is_wrong_usage() && again.to_string().contains("--resume"),
        "{again}"
    );
    assert_eq!(SessionFolder::open(&root, "first")?, made);
    assert_eq!(SessionFolder::open_or_create(&root, "first")?, made);
    let path = root.join("first");
    let by_path = SessionFolder::open(Path::new("elsewhere"), &path.to_string_lossy())?;
    assert_eq!(by_path, made);
    assert!(matches!(
        SessionFolder::open(&root, "other"),
        Err(FolderError::Missing { .. })
    ));
    assert_eq!(SessionFolder::at(&root), None);
    assert_eq!(
        made.relative(&made.samples().join("a.json")),
        Path::new("samples/a.json")
    );
    Ok(())
}

#[test]
fn bad_names_create_nothing() -> Outcome {
    let root = tempfile::tempdir()?;
    let long = "x".repeat(LONGEST_NAME + 1);
    for name in ["", "..", ".x", "-x", "a/b", "a b", "a@b", "a\u{1b}b", "ä", &long] {
        let error = SessionFolder::create(root.path(), name).err().ok_or("accepted")?;
        assert!(error.is_wrong_usage(), "{error}");
        assert!(!error.to_string().contains('\u{1b}'), "{error}");
    }
    assert_eq!(fs::read_dir(root.path())?.count(), 0);
    check_name("2.b_C-d")?;
    Ok(())
}

#[test]
fn automatic_names_hold_time_and_dataset_and_are_unique() -> Outcome {
    let root = tempfile::tempdir()?;
    let name =
        |data| SessionFolder::create_automatic(root.path(), data, 951_827_364.5).map(|made| made.name().to_owned());
    assert_eq!(name("EmoSet")?, "20000229-122924-emoset");
    assert_eq!(name("EmoSet")?, "20000229-122924-emoset-2");
    assert_eq!(name("EmoSet")?, "20000229-122924-emoset-3");
    assert_eq!(name("../기")?, "20000229-122924");
    Ok(())
}

#[test]
fn one_process_locks_a_session_and_removes_partial_files() -> Outcome {
    let root = tempfile::tempdir()?;
    let session = SessionFolder::create(root.path(), "run")?;
    let partial = session.checkpoints().join("prompt-000001.safetensors.abc.partial");
    fs::write(&partial, "half")?;
    let predictions = session.predictions().join("prompt-000001.jsonl.abc.partial");
    fs::write(&predictions, "half")?;
    assert!(!session.is_live()?);
    let lock = session.lock()?;
    assert!(session.is_live()?);
    assert!(!partial.exists() && !predictions.exists());
    let refused = session.lock().err().ok_or("locked twice")?.to_string();
    assert!(
        refused.contains(&format!("(process {})", std::process::id())),
        "{refused}"
    );
    drop(lock);
    assert!(!session.is_live()?);
    session.lock()?;
    Ok(())
}

#[test]
fn a_note_and_another_name() {
    let root = tempfile::tempdir().unwrap();
    let folder = SessionFolder::create(root.path(), "run").unwrap();
    assert_eq!(folder.note(), "");
    folder.set_note(" #good, keep ").unwrap();
    assert_eq!(folder.note(), "#good, keep");
    SessionFolder::create(root.path(), "taken").unwrap();
    assert!(matches!(folder.rename("taken"), Err(FolderError::Exists { .. })));
    assert!(matches!(folder.rename("../up"), Err(FolderError::Name { .. })));
    let lock = folder.lock().unwrap();
    assert!(matches!(folder.rename("other"), Err(FolderError::Live { .. })));
    drop(lock);
    let renamed = folder.rename("other").unwrap();
    assert_eq!(
        (renamed.note().as_str(), renamed.name(), folder.path().exists()),
        ("#good, keep", "other", false)
    );
    renamed.set_note("").unwrap();
    renamed.set_note("").unwrap();
    assert_eq!(renamed.note(), "");
}

#[test]
fn a_deleted_lock_admits_no_second_writer() {
    let root = tempfile::tempdir().unwrap();
    let session = SessionFolder::create(root.path(), "run").unwrap();
    let lock = session.lock().unwrap();
    fs::remove_file(session.path().join(LOCK)).unwrap();
    assert!(session.is_live().unwrap());
    assert!(matches!(session.lock(), Err(FolderError::Live { .. })));
    // Nor one that was put in its place.
    fs::write(session.path().join(LOCK), "").unwrap();
    assert!(session.is_live().unwrap());
    assert!(matches!(session.lock(), Err(FolderError::Live { .. })));
    drop(lock);
    assert!(!session.is_live().unwrap());
    session.lock().unwrap();
}

#[test]
fn the_lock_of_an_older_version_counts() {
    let root = tempfile::tempdir().unwrap();
    let session = SessionFolder::create(root.path(), "run").unwrap();
    let file = File::open(session.path().join(LOCK)).unwrap();
    rustix::fs::flock(&file, FlockOperation::LockExclusive).unwrap();
    assert!(session.is_live().unwrap());
    assert!(matches!(session.lock(), Err(FolderError::Live { .. })));
}

#[test]
fn a_moved_session_is_written_at_its_new_place() {
    let root = tempfile::tempdir().unwrap();
    let session = SessionFolder::create(root.path(), "run").unwrap();
    let lock = session.lock().unwrap();
    let held = session.held_by(&lock);
    held.check_in_place().unwrap();
    let moved = root.path().join("moved");
    fs::rename(session.path(), &moved).unwrap();
    let other = SessionFolder::create(root.path(), "run").unwrap();
    let others_lock = other.lock().unwrap();

    let file = held.checkpoints().join("a");
    held.write(&file, |file| file.write_all(b"mine")).unwrap();
    assert!(held.is_file(&file) && !other.is_file(&file));
    assert_eq!(fs::read(moved.join("checkpoints/a")).unwrap(), b"mine");
    fs::write(&file, "another's").unwrap();
    held.remove(&file).unwrap();
    assert!(other.is_file(&file) && !held.is_file(&file));
    let told = held.check_in_place().unwrap_err().to_string();
    assert!(told.contains("was moved or removed"), "{told}");
    // A run that failed releases only its own name.
    fs::remove_file(&file).unwrap();
    held.remove_unbegun(lock);
    assert!(other.checkpoints().is_dir());
    drop(others_lock);
}

#[test]
fn a_reader_without_write_access_cannot_make_a_session_look_live() {
    use std::os::unix::{fs::PermissionsExt, process::CommandExt};
    use std::process::{Command, Stdio};

    let root = tempfile::tempdir().unwrap();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let session = SessionFolder::create(root.path(), "run").unwrap();
    for held in [session.path().join(LOCK), session.path().to_owned()] {
        // Another user holds the lock. Needs the right to become that user, the tool `flock`, and `/proc/locks`.
        let mut stranger = Command::new("flock");
        stranger
            .arg(&held)
            .args(["-c", "echo held; read end"])
            .uid(65_534)
            .gid(65_534);
        let started = stranger.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let Ok(mut stranger) = started else {
            println!("skipped: this user cannot become another one");
            return;
        };
        let mut word = [0; 5];
        if stranger.stdout.take().unwrap().read_exact(&mut word).is_err() {
            println!("skipped: another user cannot come to the folder");
            return;
        }
        if fs::read_to_string("/proc/locks").is_ok_and(|locks| locks.contains("FLOCK")) {
            assert!(!session.is_live().unwrap(), "{}", held.display());
            let lock = session.lock().unwrap();
            assert!(session.is_live().unwrap(), "{}", held.display());
            assert!(matches!(session.lock(), Err(FolderError::Live { .. })));
            drop(lock);
        }
        drop(stranger.stdin.take());
        stranger.wait().unwrap();
    }
}
