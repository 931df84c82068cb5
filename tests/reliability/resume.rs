//! Resuming sessions that were cut short, damaged, changed or tampered with.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Output;

use rustix::process::Signal;

use super::{Left, command, journal, signal, train, uninterrupted, wait_for_text, wait_until, workplace};
use crate::cli::{masp, stdout};

fn resume(folder: &Path, session: &str) -> Output {
    let output = command(folder)
        .args(train(session, &["--headless", "--resume"]))
        .output();
    output.unwrap()
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_session_without_a_complete_first_line_begins_again() {
    let folder = workplace();
    let folder = folder.path();
    let (whole, _) = uninterrupted(folder);
    let line = fs::read_to_string(journal(folder, "whole")).unwrap();
    let half = &line[..line.find('\n').unwrap() / 2];
    for (name, text) in [("empty", ""), ("half", half)] {
        fs::create_dir_all(folder.join("sessions").join(name)).unwrap();
        fs::write(journal(folder, name), text).unwrap();
        let output = resume(folder, name);
        assert!(output.status.success(), "{name}: {}", words(&output));
        Left::by(folder, name).assert_same(&whole, name);
    }
}

#[test]
fn a_damaged_newest_checkpoint_is_skipped_for_the_one_before() {
    let folder = workplace();
    let folder = folder.path();
    let (whole, _) = uninterrupted(folder);
    let checkpoints = folder.join("sessions/whole/checkpoints");
    let newest = checkpoints.join("prompt-000006.safetensors");
    let bytes = fs::read(&newest).unwrap();
    fs::write(&newest, &bytes[..bytes.len() - 100]).unwrap();
    let output = resume(folder, "whole");
    assert!(output.status.success(), "{}", words(&output));
    let said = fs::read_to_string(journal(folder, "whole")).unwrap();
    assert!(said.contains("the run goes on from the checkpoint before it"));
    Left::by(folder, "whole").assert_same(&whole, "after damage");
}

#[test]
fn a_changed_dataset_gives_a_warning() {
    let folder = workplace();
    let folder = folder.path();
    uninterrupted(folder);
    fs::remove_dir_all(folder.join("drawn/image/awe")).unwrap();
    let output = resume(folder, "whole");
    assert!(output.status.success(), "{}", words(&output));
    assert!(words(&output).contains("the dataset has changed"), "{}", words(&output));
}

#[test]
fn symbolic_links_in_a_session_are_not_written_through() {
    let folder = workplace();
    let folder = folder.path();
    let own = folder.join("diary.txt");
    fs::write(&own, "mine").unwrap();
    let elsewhere = folder.join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("a.partial"), "mine too").unwrap();
    for (name, link, to) in [
        ("lock", "lock", &own),
        ("line", "journal.jsonl", &own),
        ("kept", "checkpoints", &elsewhere),
    ] {
        let session = folder.join("sessions").join(name);
        fs::create_dir_all(&session).unwrap();
        symlink(to, session.join(link)).unwrap();
        let output = resume(folder, name);
        assert_eq!(output.status.code(), Some(1), "{name}: {}", words(&output));
        assert!(words(&output).contains(link), "{name}: {}", words(&output));
    }
    assert_eq!(fs::read_to_string(&own).unwrap(), "mine");
    assert!(elsewhere.join("a.partial").exists());
}

#[test]
fn ctrl_c_without_a_screen_writes_a_checkpoint_first() {
    let folder = workplace();
    let folder = folder.path();
    let (whole, _) = uninterrupted(folder);
    let child = command(folder).args(train("stopped", &["--headless"])).spawn().unwrap();
    wait_for_text(&journal(folder, "stopped"), "\"event\":\"step\"");
    signal(&child, Signal::INT);
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success() && words(&output).contains("--resume"),
        "{}",
        words(&output)
    );
    assert!(
        fs::read_to_string(journal(folder, "stopped"))
            .unwrap()
            .contains("\"reason\":\"stopped\"")
    );
    assert!(resume(folder, "stopped").status.success());
    let left = Left::by(folder, "stopped").without_those_between();
    left.assert_same(&whole.without_those_between(), "after ctrl-c");
}

/// SIGTERM interrupts an evaluation, which is repeated after the resume.
#[test]
fn an_interrupted_evaluation_is_repeated_after_the_resume() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    stdout(&masp(folder, &["data", "synth", "drawn", "--images", "600"]));
    let long = ["--headless", "--set", "eval.max_samples=60"];
    let slow = |session: &str, more: &[&str]| {
        let mut command = command(folder);
        // One image at a time and no cache, so that an evaluation takes a second or two.
        command.args(train(session, &[&long[..], more].concat()));
        command.args(["--set", "test.batch_size=1", "--set", "data.cache_mb=0"]);
        command
    };
    assert!(slow("whole", &[]).status().unwrap().success());
    let whole = Left::by(folder, "whole").without_those_between();

    let phases = |text: &str| text.matches("\"name\":\"evaluating\"").count();
    let evaluations = |text: &str| text.matches("\"event\":\"evaluation\"").count();
    let journal = journal(folder, "left");
    for stage in ["aspects", "prompt"] {
        let child = slow("left", &["--resume"]).spawn().unwrap();
        let said = || fs::read_to_string(&journal).unwrap_or_default();
        wait_until("an evaluation at work", || {
            let text = said();
            text.contains(&format!("\"stage\":\"{stage}\"")) && phases(&text) > evaluations(&text) && {
                let last = text.rfind("\"name\":\"evaluating\"").unwrap();
                text[last..].starts_with(&format!("\"name\":\"evaluating\",\"stage\":\"{stage}\""))
            }
        });
        let before = evaluations(&said());
        signal(&child, Signal::TERM);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", words(&output));
        assert_eq!(evaluations(&said()), before, "the evaluation was not waited for");
    }
    assert!(slow("left", &["--resume"]).status().unwrap().success());
    let left = Left::by(folder, "left").without_those_between();
    left.assert_same(&whole, "evaluations left and made again");
}

#[test]
fn checkpoints_are_also_written_by_time() {
    let folder = workplace();
    let folder = folder.path();
    let saved = |name: &str, minutes: &str| {
        let output = command(folder)
            .args(train(name, &["--headless", "--set", "train.logging_steps=1"]))
            .args(["--set", "checkpoint.every_steps=100", "--set", "eval.every_steps=0"])
            .args(["--set", &format!("checkpoint.every_minutes={minutes}")])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", words(&output));
        let text = fs::read_to_string(journal(folder, name)).unwrap();
        text.matches("\"event\":\"checkpoint\"").count()
    };
    assert_eq!(saved("ends", "60"), 2, "the end of each stage");
    assert_eq!(saved("times", "0.0000001"), 12, "each step takes longer than that");
}

#[test]
fn a_run_of_one_stage_resumes_that_stage_unless_another_is_given() {
    let folder = workplace();
    let folder = folder.path();
    let steps = |stage: &str| {
        let said = fs::read_to_string(journal(folder, "one")).unwrap();
        said.matches(&format!("\"event\":\"step\",\"stage\":\"{stage}\""))
            .count()
    };
    let go = |more: &[&str]| {
        let output = command(folder)
            .args(train("one", &[&["--headless"][..], more].concat()))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", words(&output));
        [steps("aspects"), steps("prompt")]
    };
    assert_eq!(go(&["--stage", "aspects"]), [6, 0]);
    assert_eq!(go(&["--resume"]), [6, 0]);
    assert_eq!(go(&["--resume", "--stage", "prompt"]), [6, 6]);
    assert_eq!(go(&["--resume"]), [6, 6]);
}

/// Both in the output of `--detach` and in the session's journal.
#[test]
fn a_resume_that_fails_at_once_is_reported_and_recorded() {
    let folder = workplace();
    let folder = folder.path();
    let output = command(folder)
        .args(train("gone", &["--headless", "--stage", "aspects"]))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", words(&output));
    let state = || {
        let list: serde_json::Value =
            serde_json::from_str(&stdout(&masp(folder, &["sessions", "list", "--json"]))).unwrap();
        list[0].clone()
    };
    assert_eq!(state()["state"], "finished");
    fs::rename(folder.join("drawn"), folder.join("elsewhere")).unwrap();
    for flag in ["--detach", "--headless"] {
        let output = command(folder)
            .args(train("gone", &["--resume", flag]))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", words(&output));
        assert!(words(&output).contains("drawn"), "{}", words(&output));
        let state = state();
        assert_eq!(state["state"], "failed");
        assert!(state["problem"].as_str().unwrap().contains("drawn"), "{state}");
    }
    fs::rename(folder.join("elsewhere"), folder.join("drawn")).unwrap();
    assert!(resume(folder, "gone").status.success());
    assert_eq!(state()["state"], "finished");

    // A new run whose model is missing fails after the first line of its journal.
    let output = command(folder)
        .args(train("new", &["--detach", "--model", "./no-model"]))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", words(&output));
    assert!(words(&output).contains("no-model"), "{}", words(&output));
}

/// A rate that was set during the run is kept; a new rate in the settings replaces it, with a warning.
#[test]
fn a_resumed_run_keeps_the_set_rate_unless_another_is_given() {
    let folder = workplace();
    let folder = folder.path();
    let told = || fs::read_to_string(journal(folder, "rate")).unwrap_or_default();
    // Runs until a step has this rate, or, with `tells`, sends this command after the first step and ends the run once
    // it is recorded. The checkpoint of the next step may be there by then, with the old rate.
    let at_rate = |more: &[&str], rate: &str, tells: Option<&str>| {
        let before = told().len();
        let mut arguments = train("rate", &["--headless", "--stage", "aspects", "--resume"]);
        let steps = arguments.iter().position(|word| word == "6").unwrap();
        arguments[steps] = "100000".to_owned();
        let mut command = command(folder);
        command
            .args(arguments)
            .args(["--set", "train.lr_scheduler_type=constant"]);
        let child = command.args(more).spawn().unwrap();
        if let Some(line) = tells {
            wait_until("a step", || told()[before..].contains("\"event\":\"step\""));
            super::tell(folder, line);
            wait_until("the command", || told()[before..].contains("\"event\":\"command\""));
        } else {
            wait_until(rate, || told()[before..].contains(&format!("\"lr\":{rate},")));
        }
        signal(&child, Signal::TERM);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", words(&output));
        told()[before..].to_owned()
    };
    let asked = ["--set", "train.aspects.learning_rate=5e-3"];
    at_rate(&[], "0.007", Some("{\"command\":\"set_learning_rate\",\"lr\":0.007}"));
    let said = at_rate(&[], "0.007", None);
    assert!(
        !said.contains("\"lr\":0.001,") && !said.contains("goes on from a peak"),
        "{said}"
    );
    let said = at_rate(&asked, "0.005", None);
    assert!(!said.contains("\"lr\":0.007,"), "{said}");
    assert!(
        said.contains("the learning rate goes on from a peak of 5e-3") && said.contains("it was 7e-3"),
        "{said}"
    );
    // With the same setting as before, the rate is kept.
    let said = at_rate(&asked, "0.005", None);
    assert!(!said.contains("goes on from a peak"), "{said}");
    // Without a setting, the rate is the session's own again, as every other setting.
    let said = at_rate(&[], "0.001", None);
    assert!(said.contains("the learning rate goes on from a peak of 1e-3"), "{said}");
}
