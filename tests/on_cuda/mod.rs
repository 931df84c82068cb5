//! A build with CUDA, on a graphics card or on a stand-in for its driver (tests/README.md).

mod failure;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::cli::golden::{predictions_agree, qwen2_vl, resumes, ten_steps_agree};
use crate::cli::stdout;

/// Names the program that was built with CUDA.
const BINARY: &str = "MASP_CUDA_BINARY";
/// Names the folders of the libraries that it needs, as `LD_LIBRARY_PATH` does.
const LIBRARIES: &str = "MASP_CUDA_LIBRARIES";

/// Whether there is a program to be tested.
fn is_here() -> bool {
    let here = std::env::var_os(BINARY).is_some();
    if !here {
        println!("skipped: {BINARY} is not set");
    }
    here
}

/// Runs the program in `folder`. A stand-in reports wrong accesses and races by lines that begin with `coc:`, and so it
/// names calls that it lacks, which are no error.
fn run(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let output = Command::new(std::env::var_os(BINARY).unwrap())
        .args(arguments)
        .args(["--device", "cuda"])
        .current_dir(folder)
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .env("LD_LIBRARY_PATH", std::env::var_os(LIBRARIES).unwrap_or_default())
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let wrong = |line: &str| line.contains("coc: ") && !line.ends_with("is not in this stand-in");
    assert!(!said.lines().any(wrong), "{arguments:?}: {said}");
    output
}

/// Standard output of the program with the words of `line`, in f32 for comparisons with the reference's numbers.
fn in_f32(folder: &Path, line: &str) -> String {
    let arguments: Vec<&str> = line.split(' ').chain(["--set", "model.dtype=f32"]).collect();
    stdout(&run(folder, &arguments, &[]))
}

#[test]
fn the_self_test_agrees_in_both_formats() {
    if !is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let said = stdout(&run(folder.path(), &["doctor", "--selftest"], &[]));
    assert!(said.contains("checks agree with f64"), "{said}");
    assert!(!said.contains("cannot be used"), "{said}");
}

#[test]
fn the_reference_is_met_through_the_command_line() {
    if !is_here() {
        return;
    }
    if let Some(setup) = qwen2_vl(in_f32) {
        ten_steps_agree(&setup);
        predictions_agree(&setup);
    }
}

#[test]
fn a_resumed_run_is_the_uninterrupted_one() {
    if !is_here() {
        return;
    }
    if let Some(setup) = qwen2_vl(in_f32) {
        resumes(&setup);
    }
}

/// Two steps of stage 1 on drawn pictures.
fn train(folder: &Path, session: &str, more: &[&str], environment: &[(&str, &str)]) -> Output {
    train_stage("aspects", folder, session, more, environment)
}

fn train_stage(stage: &str, folder: &Path, session: &str, more: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut arguments = vec!["train", "--data", "drawn", "--session", session, "--headless"];
    arguments.extend(["--stage", stage, "--max-steps", "2"]);
    for setting in [
        "train.batch_size=8",
        "eval.panel=0",
        "eval.max_samples=1",
        "data.val_fraction=0",
    ] {
        arguments.extend(["--set", setting]);
    }
    arguments.extend(more);
    run(folder, &arguments, environment)
}

fn losses(folder: &Path, session: &str) -> Vec<f64> {
    let journal = fs::read_to_string(folder.join("sessions").join(session).join("journal.jsonl")).unwrap();
    let events = journal.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let steps = events.filter(|event| event["event"] == "step");
    let losses: Vec<f64> = steps.map(|step| step["loss"].as_f64().unwrap()).collect();
    assert!(!losses.is_empty(), "{session} has no steps: {journal}");
    losses
}

fn drawn(folder: &Path) {
    stdout(&crate::cli::masp(folder, &["data", "synth", "drawn", "--images", "16"]));
}

/// Checks that a run on a stand-in asked the card for no more launches (products included), uploads and waits than these.
fn asks_at_most(trace: &Value, bounds: [u64; 3]) {
    let count = |value: &Value| value.as_u64().unwrap();
    let launches = count(&trace["launches"]) + count(&trace["gemms"]);
    let asked = [
        launches,
        count(&trace["host_to_device"][0]),
        count(&trace["synchronising_calls"]),
    ];
    let within = asked.iter().zip(bounds).all(|(asked, bound)| *asked <= bound);
    assert!(
        within,
        "launches, uploads and waits are {asked:?}, they were {bounds:?}"
    );
}

#[test]
fn a_run_that_runs_out_of_memory_goes_on_in_smaller_parts() {
    if !is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    drawn(folder.path());
    let trace = folder.path().join("trace.json").display().to_string();
    stdout(&train(folder.path(), "roomy", &[], &[("COC_TRACE", &trace)]));
    let Ok(trace) = fs::read_to_string(trace) else {
        println!("a graphics card's memory cannot be made smaller");
        return;
    };
    let trace: Value = serde_json::from_str(&trace).unwrap();
    asks_at_most(&trace, [5950, 1441, 200]);
    let peak = trace["peak_bytes"].as_u64().unwrap();
    let less = (peak * 96 / 100).to_string();
    let narrow = train(folder.path(), "narrow", &[], &[("COC_MEMORY", &less)]);
    assert!(narrow.status.success(), "{}", String::from_utf8_lossy(&narrow.stderr));
    let journal = fs::read_to_string(folder.path().join("sessions/narrow/journal.jsonl")).unwrap();
    assert!(journal.contains("the device's memory ran out"), "{journal}");
    for (narrow, roomy) in losses(folder.path(), "narrow")
        .iter()
        .zip(losses(folder.path(), "roomy"))
    {
        assert!((narrow - roomy).abs() < 1e-4 * roomy, "{narrow} against {roomy}");
    }
}

#[test]
fn features_that_are_kept_on_disk_are_the_same() {
    if !is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    drawn(folder.path());
    let kept = ["--set", "data.disk_cache_mb=64"];
    stdout(&train(folder.path(), "computed", &kept, &[]));
    stdout(&train(folder.path(), "read", &kept, &[]));
    assert_eq!(losses(folder.path(), "computed"), losses(folder.path(), "read"));
    let journal = fs::read_to_string(folder.path().join("sessions/read/journal.jsonl")).unwrap();
    let first = journal
        .lines()
        .find(|line| line.contains("\"event\":\"step\""))
        .unwrap();
    let first: Value = serde_json::from_str(first).unwrap();
    assert_eq!(first["cache_hits"], 1.0, "{first}");
}
