//! A file system without flock: runs are refused, because nothing would keep a second one out; commands that only read
//! still work.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use super::{command, train, workplace};
use crate::cli::stdout;

/// Compiles a wrapper that makes flock fail; `None` if this system does not allow it.
fn wrapper(folder: &Path) -> Option<std::path::PathBuf> {
    if !cfg!(target_os = "linux") {
        println!("skipped: the program that takes flock away is for Linux");
        return None;
    }
    let (source, program) = (folder.join("no_flock.c"), folder.join("no_flock"));
    fs::write(&source, include_str!("no_flock.c")).unwrap();
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let compiled = Command::new(compiler).arg(&source).arg("-o").arg(&program).status();
    assert!(compiled.unwrap().success());
    let tried = Command::new(&program).arg("true").status().unwrap();
    if tried.success() {
        Some(program)
    } else {
        println!("skipped: system calls cannot be refused here");
        None
    }
}

#[test]
fn without_flock_training_is_refused_and_finished_sessions_are_still_listed() {
    let folder = workplace();
    let folder = folder.path();
    let Some(wrapper) = wrapper(folder) else { return };
    let run = |arguments: &[String]| -> Output {
        let mut plain = command(folder);
        let mut command = Command::new(&wrapper);
        command
            .arg(env!("CARGO_BIN_EXE_masp"))
            .args(arguments)
            .current_dir(folder);
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        plain.args(arguments);
        command.output().unwrap()
    };
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    stdout(&command(folder).args(train("before", &["--headless"])).output().unwrap());

    let refused = |more: &[&str], name: &str| {
        let output = run(&train(name, more));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        for part in ["has no file locks", "session.root", "-o flock"] {
            assert!(said.contains(part), "{part}: {said}");
        }
    };
    refused(&["--headless"], "after");
    assert!(!folder.join("sessions/after").exists(), "its name is free");
    let journal = fs::read(folder.join("sessions/before/journal.jsonl")).unwrap();
    refused(&["--headless", "--resume"], "before");
    assert_eq!(fs::read(folder.join("sessions/before/journal.jsonl")).unwrap(), journal);

    let listed = stdout(&run(&words("sessions list --json")));
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(
        (listed.as_array().unwrap().len(), &listed[0]["state"]),
        (1, &serde_json::json!("finished"))
    );
    for line in [
        "sessions show before",
        "sessions export before out.safetensors",
        "sessions export before out.html",
        "eval before --data drawn --split val",
    ] {
        stdout(&run(&words(line)));
    }
    let kept = fs::read_dir(folder.join("sessions/before/evaluations"))
        .unwrap()
        .count();
    assert_eq!(
        kept, 1,
        "an evaluation is kept in a folder of its own, which needs no lock"
    );
}
