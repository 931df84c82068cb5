//! Entries that are not sessions, and sessions with missing parts: commands that do not need these parts still work.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use super::{command, journal, train, workplace};
use crate::cli::{masp, stdout};

/// By the tool, because rustix has no call for it on macOS.
fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Name, state and problem of each listed session.
fn listed(folder: &Path) -> Vec<(String, String, String)> {
    let all: Value = serde_json::from_str(&stdout(&masp(folder, &["sessions", "list", "--json"]))).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let row = |one: &Value| (text(&one["name"]), text(&one["state"]), text(&one["problem"]));
    all.as_array().unwrap().iter().map(row).collect()
}

#[test]
fn other_entries_do_not_hide_sessions() {
    let folder = workplace();
    let folder = folder.path();
    let sessions = folder.join("sessions");
    stdout(&command(folder).args(train("good", &["--headless"])).output().unwrap());
    fs::write(sessions.join("file"), "").unwrap();
    symlink("nowhere", sessions.join("dangling")).unwrap();
    symlink("circle", sessions.join("circle")).unwrap();
    pipe(&sessions.join("pipe"));
    for name in ["of-folders", "of-pipes"] {
        fs::create_dir_all(sessions.join(name).join("checkpoints")).unwrap();
        fs::write(sessions.join(name).join("lock"), "").unwrap();
    }
    fs::create_dir(sessions.join("of-folders/journal.jsonl")).unwrap();
    pipe(&sessions.join("of-pipes/journal.jsonl"));

    let rows = listed(folder);
    let names: Vec<&str> = rows.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, ["good", "of-folders", "of-pipes"]);
    assert_eq!(rows[0].1, "finished");
    for (name, state, problem) in &rows[1..] {
        assert_eq!(state, "unreadable");
        assert!(problem.contains(&format!("{name}/journal.jsonl")), "{problem}");
        let shown = stdout(&masp(folder, &["sessions", "show", name]));
        assert!(
            shown.contains("unreadable") && shown.contains("not a regular file"),
            "{shown}"
        );
    }
    stdout(&masp(folder, &["sessions", "export", "good", "out.safetensors"]));
    stdout(&masp(folder, &["sessions", "rm", "of-folders", "of-pipes", "--yes"]));
    assert_eq!(listed(folder).len(), 1);
    let resumed = command(folder)
        .args(train("good", &["--headless", "--resume"]))
        .output()
        .unwrap();
    assert!(resumed.status.success(), "{}", words(&resumed));
}

/// As `masp sessions list` by another user, who may not enter one of them.
#[test]
fn an_unreadable_folder_is_reported() {
    let folder = workplace();
    let folder = folder.path();
    let sessions = folder.join("sessions");
    stdout(&command(folder).args(train("open", &["--headless"])).output().unwrap());
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    fs::create_dir(sessions.join("closed")).unwrap();
    mode(&sessions.join("closed"), 0o000);
    mode(folder, 0o755);
    let mut command = command(folder);
    command
        .args(["sessions", "list", "--json"])
        .stdout(std::process::Stdio::piped());
    if rustix::process::geteuid().is_root() {
        command.uid(65_534).gid(65_534);
    }
    let Ok(output) = command.output() else {
        println!("skipped: another user cannot come to the program");
        return;
    };
    mode(&sessions.join("closed"), 0o755);
    let all: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(
        (&all[0]["name"], &all[0]["state"]),
        (&json!("open"), &json!("finished"))
    );
    assert_eq!(
        (&all[1]["name"], &all[1]["state"]),
        (&json!("closed"), &json!("unreadable"))
    );
    assert!(
        all[1]["problem"].as_str().unwrap().contains("cannot look into"),
        "{all}"
    );
}

#[test]
fn a_file_in_place_of_an_optional_folder_stops_nothing() {
    let folder = workplace();
    let folder = folder.path();
    let session = folder.join("sessions/run");
    stdout(&command(folder).args(train("run", &["--headless"])).output().unwrap());
    for (part, fifo) in [("thumbnails", false), ("samples", true), ("evaluations", false)] {
        fs::remove_dir_all(session.join(part)).unwrap();
        if fifo {
            pipe(&session.join(part));
        } else {
            fs::write(session.join(part), "no folder").unwrap();
        }
    }
    assert_eq!(listed(folder)[0].1, "finished");
    for line in [
        "sessions show run",
        "sessions export run out.pth",
        "sessions export run out.csv --what metrics",
        "sessions export run rows.csv --what predictions",
        "sessions export run out.html",
    ] {
        stdout(&masp(folder, &line.split(' ').collect::<Vec<_>>()));
    }
    // The figures are printed first, then the warning that they cannot be saved.
    let output = masp(folder, &["eval", "run", "--split", "val", "--json"]);
    let figures: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert!(figures["accuracy"].is_f64(), "{figures}");
    let said = words(&output);
    assert!(
        said.contains("the evaluation was not kept") && said.contains("run/evaluations"),
        "{said}"
    );
    let picture = super::faults::pictures(&folder.join("drawn")).swap_remove(0);
    stdout(&masp(
        folder,
        &["predict", picture.to_str().unwrap(), "--session", "run"],
    ));

    let mut more = train("run", &["--headless", "--resume"]);
    let steps = more.iter().position(|word| word == "6").unwrap();
    more[steps] = "9".to_owned();
    let output = command(folder).args(more).output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    let said = fs::read_to_string(journal(folder, "run")).unwrap();
    assert!(
        said.contains("was not saved"),
        "a prediction that cannot be saved gives a warning"
    );
    stdout(&masp(folder, &["sessions", "rm", "run", "--yes"]));
    assert!(!session.exists());
}

/// A damaged line in the middle: the part before it is shown, and no command reports the run as finished.
#[test]
fn a_journal_with_a_bad_line_is_listed_and_shown_as_damaged() {
    let folder = workplace();
    let folder = folder.path();
    stdout(&command(folder).args(train("run", &["--headless"])).output().unwrap());
    let whole = fs::read_to_string(journal(folder, "run")).unwrap();
    let mut lines: Vec<String> = whole.lines().map(str::to_owned).collect();
    let place = lines
        .iter()
        .rposition(|line| line.contains("\"event\":\"step\""))
        .unwrap();
    lines[place] = lines[place].replace("\"event\":\"step\"", "\"event\":\"leap\"");
    fs::write(journal(folder, "run"), lines.join("\n") + "\n").unwrap();
    let line = format!("line {}: unknown variant `leap`", place + 1);

    let (_, state, problem) = listed(folder).swap_remove(0);
    assert_eq!(state, "unreadable");
    assert!(problem.contains(&line), "{problem}");
    let text = stdout(&masp(folder, &["sessions", "list"]));
    assert!(text.contains("unreadable") && text.contains(&line), "{text}");
    let shown = stdout(&masp(folder, &["sessions", "show", "run"]));
    assert!(shown.contains(&line) && shown.contains("aspects@"), "{shown}");
    let shown: Value = serde_json::from_str(&stdout(&masp(folder, &["sessions", "show", "run", "--json"]))).unwrap();
    assert_eq!(
        (&shown["state"], &shown["checkpoints"]),
        (&json!("unreadable"), &Value::Null)
    );
    let opened = masp(folder, &["sessions", "export", "run", "out.html"]);
    assert!(
        opened.status.code() == Some(1) && words(&opened).contains(&line),
        "{}",
        words(&opened)
    );
}
