//! The real binary without a terminal, as scripts use it.

mod compare;
mod example;
pub mod golden;
mod manual;
pub mod screen;
mod sweep;

use std::path::Path;
use std::process::{Command, Output};

/// `masp` in `folder`, without a user's environment.
pub fn masp(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_masp"))
        .args(arguments)
        .current_dir(folder)
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .output()
        .unwrap()
}

/// Standard output of `masp` with the words of `line`, which must succeed.
pub fn run(folder: &Path, line: &str) -> String {
    stdout(&masp(folder, &line.split(' ').collect::<Vec<_>>()))
}

/// Standard output of a run that must succeed.
pub fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn the_self_test_agrees_through_the_binary() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(folder.path(), "doctor --selftest --device cpu");
    assert!(said.contains("checks agree with f64"), "{said}");
}

/// As in `masp doctor | head -0`, if `head` exits first.
#[test]
fn a_closed_output_pipe_is_not_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["doctor"][..], &["sessions", "list"], &["sessions", "list", "--json"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = Command::new(env!("CARGO_BIN_EXE_masp"))
            .args(arguments)
            .current_dir(folder.path())
            .stdout(writer)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{arguments:?}: {said}");
    }
}

#[test]
fn a_detached_run_goes_on_alone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    run(folder, "data synth drawn --images 60");
    let detached =
        "train --data drawn --session away --max-steps 2 --detach --set train.batch_size=4 --set eval.panel=1";
    let output = masp(folder, &detached.split(' ').collect::<Vec<_>>());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success() && said.contains("away trains in the background"),
        "{said}"
    );
    let state = || -> serde_json::Value {
        serde_json::from_str(&stdout(&masp(folder, &["sessions", "show", "away", "--json"]))).unwrap()
    };
    let begin = std::time::Instant::now();
    while state()["state"] == "live" {
        assert!(begin.elapsed() < std::time::Duration::from_secs(120));
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!(state()["state"], "finished");

    let output = masp(folder, &["train", "--data", "nowhere", "--session", "lost", "--detach"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && said.contains("nowhere"), "{said}");
    assert!(!folder.join("sessions/lost").exists());
}

#[test]
fn wrong_usage_and_bad_files_give_an_error_and_write_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("unknown.yaml", "train:\n  learning_rat: 1\n");
    write("wrong.yaml", "train:\n  warmup_ratio: 2\n");
    write("no_views.yaml", "aspects:\n  views: []\n");
    write("two.txt", "Which of {} is it, {}?\n");
    std::fs::create_dir_all(folder.path().join("empty")).unwrap();
    std::fs::create_dir_all(folder.path().join("model")).unwrap();
    write("model/config.json", "{\"model_type\": \"llama\"}");
    write("x.pth", "PK no zip");
    for (line, status, said) in [
        ("train", 2, "--data"),
        ("train --data nowhere --headless --session a", 1, "nowhere"),
        ("train --data empty --headless --session b", 1, "empty"),
        ("train --data empty --config unknown.yaml", 2, "learning_rate"),
        ("train --data empty --config wrong.yaml", 2, "warmup_ratio"),
        ("train --data empty --config missing.yaml", 2, "missing.yaml"),
        ("train --data empty --config no_views.yaml", 2, "aspects.views"),
        ("predict a.png --load-spmodel-ckpt a.pth --model model", 1, "Qwen2-VL"),
        ("predict a.png", 1, "--load-ckpt"),
        ("eval --data empty", 1, "--frozen"),
        ("eval nothing", 1, "nothing"),
    ] {
        let output = masp(folder.path(), &line.split(' ').collect::<Vec<_>>());
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{line}: {text}");
        assert!(text.contains(said) && !text.contains("panicked"), "{line}: {text}");
    }
    let left: Vec<_> = std::fs::read_dir(folder.path().join("sessions"))
        .map(|entries| entries.flatten().map(|entry| entry.file_name()).collect())
        .unwrap_or_default();
    assert!(left.is_empty(), "{left:?}");
}

/// The check comes before training and before the model is opened, and leaves no session behind.
#[test]
fn unusable_data_and_targets_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    run(folder, "data synth drawn --images 24");
    std::fs::create_dir_all(folder.join("one/joy")).unwrap();
    std::fs::create_dir_all(folder.join("deep/set/joy")).unwrap();
    let mut pictures = std::fs::read_dir(folder.join("drawn/image/awe")).unwrap();
    let picture = pictures.next().unwrap().unwrap().path();
    std::fs::copy(&picture, folder.join("one/joy/a.png")).unwrap();
    std::fs::copy(&picture, folder.join("deep/set/joy/a.png")).unwrap();
    std::fs::write(folder.join("held.txt"), "a template with <|im_end|> in it\n").unwrap();

    let refused = |arguments: &[&str], status: i32, said: &str| {
        let mut all = vec!["train", "--headless", "--session", "new"];
        all.extend(arguments);
        let output = masp(folder, &all);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {text}");
        assert!(
            text.contains(said) && !text.contains("no-model"),
            "{arguments:?}: {text}"
        );
        assert!(!folder.join("sessions/new").exists(), "{arguments:?}");
    };
    // The named model does not exist, so opening it would give another error.
    let no_model = ["--model", "./no-model"];
    let on = |data: &'static str| [&["--data", data][..], &no_model].concat();
    refused(&on("one"), 1, "cannot train on");
    refused(&on("deep"), 1, "point --data at such a folder");
    let held = ["--set", "data.prompts=held.txt"];
    refused(&[&on("drawn")[..], &held].concat(), 1, "held.txt, line 1");
    for (to, said) in [
        (".", "it is a folder"),
        ("nowhere/out.pth", "there is no folder nowhere"),
        ("/dev/loop-control", "it is a device"),
    ] {
        if to.starts_with('/') && !Path::new(to).exists() {
            continue;
        }
        let output = [&on("nowhere")[..], &["--save-ckpt", to]].concat();
        refused(&output, 2, said);
        refused(&output, 2, "--save-ckpt cannot write");
    }
    // A writable target is accepted, so the error is about the data.
    refused(&["--data", "nowhere", "--save-ckpt", "out.pth"], 1, "nowhere");
}

/// Four pictures of one class and one of the other: three and one are drawn, and the one is shown three times.
#[test]
fn a_run_on_few_balanced_images_plans_their_steps() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    run(folder, "data synth drawn --images 60");
    let mut pictures = std::fs::read_dir(folder.join("drawn/image/awe")).unwrap();
    for name in ["joy/a.png", "joy/b.png", "joy/c.png", "joy/d.png", "fear/a.png"] {
        let path = folder.join("pairs").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(pictures.next().unwrap().unwrap().path(), path).unwrap();
    }
    let few = "--set aspects.views=[] --set data.val_fraction=0 --set data.shots=3 --set data.balance=classes";
    let line = format!("train --data pairs --session few --stage prompt --headless {few}");
    let output = masp(folder, &line.split(' ').collect::<Vec<_>>());
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &stdout(&output);
    assert!(
        said.contains("(4 train, 0 val, 0 test); prompt 6 steps") && said.contains("fear (1)"),
        "{said}"
    );
    assert_eq!(said.matches("data.shots").count(), 1, "{said}");

    let refused = masp(folder, &["train", "--data", "pairs", "--set", "data.shots=0"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        refused.status.code() == Some(2) && said.contains("data.shots"),
        "{said}"
    );
}
