//! A session that one process removes while another begins to resume it.

use std::fs;

use masp::session::SessionFolder;

use super::{command, train, workplace};
use crate::cli::{masp, stdout};

#[test]
fn a_session_that_is_being_removed_is_not_resumed() {
    let folder = workplace();
    let folder = folder.path();
    let sessions = folder.join("sessions");
    stdout(&command(folder).args(train("run", &["--headless"])).output().unwrap());
    let resume = |flag: &str| {
        let output = command(folder)
            .args(train("run", &["--resume", flag]))
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    // As `masp sessions rm` does it: locks, announces, renames, then empties the folder.
    let session = SessionFolder::open(&sessions, "run").unwrap();
    let lock = session.lock().unwrap();
    lock.announce_removal().unwrap();
    let refused = |when: &str| {
        for flag in ["--headless", "--detach"] {
            let (status, said) = resume(flag);
            assert_eq!(status, Some(1), "{when}: {said}");
            assert!(
                said.contains("the session `run` is being removed by another process"),
                "{when}: {said}"
            );
        }
    };
    refused("while it has its name");
    assert!(sessions.join("run/journal.jsonl").is_file());
    let aside = session.set_aside().unwrap();
    refused("while its files go");
    assert!(!sessions.join("run").exists(), "no new one was begun");
    let listed = stdout(&masp(folder, &["sessions", "list"]));
    assert!(listed.contains("run.removed"), "{listed}");

    // A killed removal releases its lock and blocks nobody; the remaining files can be removed.
    drop(lock);
    assert_eq!(resume("--headless").0, Some(0));
    stdout(&masp(folder, &["sessions", "rm", "run.removed", "--yes"]));
    assert!(!aside.exists() && sessions.join("run/journal.jsonl").is_file());
}

#[test]
fn a_running_session_is_not_removed() {
    let folder = workplace();
    let folder = folder.path();
    let sessions = folder.join("sessions");
    stdout(&command(folder).args(train("run", &["--headless"])).output().unwrap());
    let before = fs::read(sessions.join("run/journal.jsonl")).unwrap();
    let session = SessionFolder::open(&sessions, "run").unwrap();
    let _lock = session.lock().unwrap();
    let output = masp(folder, &["sessions", "rm", "run", "--yes"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("is running"), "{said}");
    assert_eq!(fs::read(sessions.join("run/journal.jsonl")).unwrap(), before);
}
