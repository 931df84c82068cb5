//! The two sessions that the repository ships: everything works on them in a fresh clone.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::run;
use super::screen::Screen;

const BOTH: [&str; 2] = ["example", "example-prompt-only"];

/// Copies the repository's sessions into `to`.
fn copy(to: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("sessions");
    for session in BOTH {
        copy_folder(&from.join(session), &to.join("sessions").join(session));
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

fn size(path: &Path) -> u64 {
    if path.is_dir() {
        fs::read_dir(path)
            .unwrap()
            .map(|entry| size(&entry.unwrap().path()))
            .sum()
    } else {
        path.metadata().unwrap().len()
    }
}

#[test]
fn the_examples_are_small_and_their_parameters_give_the_recorded_figures() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    let sessions = folder.path().join("sessions");
    assert!(size(&sessions) < 2_000_000, "{} bytes", size(&sessions));
    let listed: Value = serde_json::from_str(&run(folder.path(), "sessions list --json")).unwrap();
    for session in BOTH {
        let listed = listed
            .as_array()
            .unwrap()
            .iter()
            .find(|of| of["name"] == session)
            .unwrap();
        let recorded = listed["test_accuracy"].as_f64().unwrap();
        assert_eq!(listed["state"], "finished");
        let evaluated = run(folder.path(), &format!("eval {session} --split test --json"));
        let now: Value = serde_json::from_str(&evaluated).unwrap();
        // One image may fall on the other side where a processor rounds otherwise.
        let one = 1.0 / now["samples"].as_f64().unwrap();
        let accuracy = now["accuracy"].as_f64().unwrap();
        assert!(
            (accuracy - recorded).abs() < 1.5 * one,
            "{session}: {accuracy}, {recorded}"
        );
    }
}

/// On the screens as well: the pictures are drawn again, the model of each session answers, and both can be compared.
#[test]
fn everything_works_on_the_example() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    let mut screen = Screen::open(folder.path(), &[]);
    screen.wait_for("example-prompt-only");
    // The example is the older one.
    screen.press("j\r");
    screen.wait_for("accuracy per emotion");
    screen.wait_for("✓ done");
    screen.press("2");
    screen.wait_for("enter lets the model look");
    screen.press("\r");
    screen.wait_for("attention  low");
    screen.press("e");
    screen.wait_for("and without");
    screen.press("4mkm3");
    screen.wait_for("enter lets both models look");
    screen.press("\r");
    screen.wait_for("B has no aspects");
    screen.press("q");
    assert!(screen.wait().success());
    let drawn = folder.path().join("cache/masp/drawn");
    assert_eq!(fs::read_dir(drawn).unwrap().count(), 1, "both share the pictures");
}
