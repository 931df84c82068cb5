//! `masp sweep` with the real binary: interrupted, resumed, refused.

use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};

use rustix::process::Signal;

use super::{masp, stdout};
use crate::reliability::{command, journal, signal, wait_for_text, workplace};

/// A sweep over two rates.
const SWEEP: &str = "sweep rate --data drawn --vary aspects_lr=1e-3,3e-3 --stage aspects --jobs 2 --json \
    --set train.batch_size=1 --set eval.panel=1 --set eval.max_samples=1 --set aspects.views=[scene]";
const NAMES: [&str; 2] = ["rate.aspects_lr-1e-3", "rate.aspects_lr-3e-3"];

fn words(more: &str) -> Vec<String> {
    let words = SWEEP.split_whitespace().chain(more.split_whitespace());
    words.map(str::to_owned).collect()
}

fn sweep(folder: &Path, more: &str) -> Output {
    command(folder)
        .args(words(more))
        .stdout(Stdio::piped())
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Whether both runs went on.
fn resumed(folder: &Path) -> bool {
    let text = NAMES.map(|name| fs::read_to_string(journal(folder, name)).unwrap());
    text.iter().all(|text| text.contains("\"event\":\"resumed\""))
}

#[test]
fn an_interrupted_sweep_goes_on_with_the_same_command() {
    let folder = workplace();
    let folder = folder.path();
    // So many steps that the signal comes before their end; the second command asks for as many.
    let steps = "--max-steps 12";
    let child = command(folder)
        .args(words(steps))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    for name in NAMES {
        wait_for_text(&journal(folder, name), "\"event\":\"step\"");
    }
    signal(&child, Signal::INT);
    let stopped = child.wait_with_output().unwrap();
    let text = said(&stopped);
    assert!(
        stopped.status.success() && text.contains("the same command goes on"),
        "{text}"
    );
    assert!(
        text.contains("[1/2] rate.aspects_lr-1e-3 begins") && text.contains("is stopped"),
        "{text}"
    );
    assert!(stopped.stdout.is_empty());

    let begun = NAMES.map(|name| fs::read_to_string(journal(folder, name)).unwrap());
    begun
        .iter()
        .for_each(|begun| assert!(begun.contains("\"reason\":\"stopped\"")));
    let other = sweep(folder, "--max-steps 11");
    let text = said(&other);
    assert!(
        other.status.code() == Some(2) && text.contains("its train.max_steps is 12, here 11"),
        "{text}"
    );
    assert!(!resumed(folder));

    let done = sweep(folder, steps);
    let text = said(&done);
    assert!(
        text.contains("[2/2] rate.aspects_lr-3e-3 goes on") && text.contains("is finished: "),
        "{text}"
    );
    let groups: serde_json::Value = serde_json::from_str(&stdout(&done)).unwrap();
    let runs: Vec<_> = groups
        .as_array()
        .unwrap()
        .iter()
        .map(|group| group["runs"].clone())
        .collect();
    assert_eq!(runs.len(), 2, "{groups}");
    assert!(
        NAMES.iter().all(|name| runs.contains(&serde_json::json!([name]))),
        "{groups}"
    );
    assert!(resumed(folder));

    let again = sweep(folder, steps);
    assert!(said(&again).starts_with("rate: 2 runs: 2 finished"), "{}", said(&again));
    assert_eq!(stdout(&again), stdout(&done));
    assert!(!folder.join("sessions/.rate.sweep").exists());
}

#[test]
fn a_wrong_value_stops_all_runs_and_a_failed_run_none() {
    let folder = workplace();
    let folder = folder.path();
    let line = |line: &str| masp(folder, &line.split_whitespace().collect::<Vec<_>>());
    let wrong = line("sweep bad --data drawn --vary lr=1e-3,-1");
    assert!(
        wrong.status.code() == Some(2) && said(&wrong).contains("`train.prompt.learning_rate` is -1; allowed"),
        "{}",
        said(&wrong)
    );
    assert!(!folder.join("sessions").exists());

    // A template that cannot be used makes the first run fail.
    fs::write(folder.join("held.txt"), "a template with <|im_end|> in it\n").unwrap();
    let sweep = "--set train.batch_size=1 --set eval.panel=1 --set eval.max_samples=1 --set aspects.views=[scene]";
    let part = line(&format!(
        "sweep part --data drawn --stage aspects --max-steps 1 --headless --vary data.prompts=held.txt,null {sweep}"
    ));
    let text = said(&part);
    assert!(
        part.status.code() == Some(1) && text.contains("1 of 2 runs failed:\n  part.prompts-held.txt: "),
        "{text}"
    );
    assert!(text.contains("[2/2] part.prompts-null is finished"), "{text}");
    assert!(String::from_utf8_lossy(&part.stdout).starts_with("RUNS"), "{part:?}");
    assert!(!folder.join("sessions/part.prompts-held.txt").exists());
}
