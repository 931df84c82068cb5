//! What a run does on a card that is too small, of another kind, or lost.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use super::{BINARY, LIBRARIES, asks_at_most, drawn, is_here, losses, run, train, train_stage};
use crate::cli::stdout;

/// Whether the driver is a stand-in whose memory and capability can be set, judged by the name of its card.
fn is_a_stand_in(folder: &Path) -> bool {
    let said = stdout(&run(folder, &["doctor"], &[]));
    let stands_in = said.contains("CUDA on CPU");
    if !stands_in {
        println!("a graphics card's memory and capability cannot be changed");
    }
    stands_in
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The events of a session's journal.
fn events(folder: &Path, session: &str) -> Vec<Value> {
    let journal = fs::read_to_string(folder.join("sessions").join(session).join("journal.jsonl")).unwrap();
    journal
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The reason with which a session ended: one line, without a backtrace.
fn reason(folder: &Path, session: &str) -> String {
    let events = events(folder, session);
    let ended = events.last().unwrap();
    assert_eq!(ended["event"], "ended", "{ended}");
    let reason = ended["reason"].as_str().unwrap();
    assert!(
        reason.lines().count() == 1 && !reason.contains("candle_core::"),
        "{reason}"
    );
    reason.to_owned()
}

#[test]
fn a_card_of_another_capability_is_refused_or_left_alone() {
    if !is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    if !is_a_stand_in(folder.path()) {
        return;
    }
    let said = stdout(&run(folder.path(), &["doctor"], &[]));
    for words in ["supports CUDA", "cuda:0 CUDA on CPU, compute capability 9.0", "free of"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    drawn(folder.path());
    let old = [("COC_CC", "7.0")];
    let refused = train(folder.path(), "refused", &[], &old);
    assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("CUDA_COMPUTE_CAP=70"), "{}", stderr(&refused));

    // `auto` computes on the CPU, and says why.
    let mut command = Command::new(std::env::var_os(BINARY).unwrap());
    command.args([
        "train",
        "--data",
        "drawn",
        "--session",
        "auto",
        "--headless",
        "--max-steps",
        "1",
    ]);
    command.args([
        "--set",
        "eval.panel=0",
        "--set",
        "eval.max_samples=1",
        "--stage",
        "aspects",
    ]);
    command.current_dir(folder.path()).envs(old);
    command.env("XDG_CACHE_HOME", folder.path().join("cache"));
    command.env("LD_LIBRARY_PATH", std::env::var_os(LIBRARIES).unwrap_or_default());
    stdout(&command.output().unwrap());
    let events = events(folder.path(), "auto");
    assert!(
        events[0]["device"].as_str().unwrap().starts_with("cpu"),
        "{}",
        events[0]
    );
    let logs = events.iter().filter(|event| event["event"] == "log");
    let text: String = logs.map(|log| log["text"].as_str().unwrap()).collect();
    assert!(
        text.contains("the CPU is used, not CUDA") && text.contains("CUDA_COMPUTE_CAP=70"),
        "{text}"
    );
}

#[test]
fn a_card_that_is_not_there_is_answered_with_those_that_are() {
    if !is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    drawn(folder.path());
    let mut command = Command::new(std::env::var_os(BINARY).unwrap());
    command.args(["train", "--data", "drawn", "--headless", "--device", "cuda:999"]);
    command.current_dir(folder.path()).env("CUDA_VISIBLE_DEVICES", "0");
    command.env("LD_LIBRARY_PATH", std::env::var_os(LIBRARIES).unwrap_or_default());
    let refused = command.output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    for words in ["there is no card 999: the driver shows 0 (", "CUDA_VISIBLE_DEVICES=0"] {
        assert!(stderr(&refused).contains(words), "{words}: {}", stderr(&refused));
    }
}

#[test]
fn a_card_without_memory_pools_is_asked_for_no_empty_tensors() {
    if !is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    drawn(folder.path());
    let without = [("COC_POOLS", "0")];
    stdout(&train(
        folder.path(),
        "poolless",
        &["--set", "eval.panel=1", "--set", "data.val_fraction=0.2"],
        &without,
    ));
    let warned = events(folder.path(), "poolless")
        .iter()
        .any(|event| event["level"] == "warn");
    assert!(!warned, "{:?}", events(folder.path(), "poolless"));
    let limits = ["--set", "test.max_new_tokens=2"];
    let frozen = ["eval", "--data", "drawn", "--frozen", "--split", "train"];
    stdout(&run(folder.path(), &[&frozen[..], &limits[..]].concat(), &without));
}

#[test]
fn a_card_that_cannot_hold_a_run_ends_it_with_the_plans_numbers() {
    if !is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    if !is_a_stand_in(folder) {
        return;
    }
    drawn(folder);
    // Stage 2 without aspects: at its peak are the layers' activations.
    let train = |session: &str, more: &[&str], environment: &[(&str, &str)]| {
        let more = [more, &["--set", "aspects.views=[]"]].concat();
        train_stage("prompt", folder, session, &more, environment)
    };
    let trace = folder.join("trace.json");
    let peak = |session: &str, more: &[&str], bounds: [u64; 3]| {
        stdout(&train(session, more, &[("COC_TRACE", trace.to_str().unwrap())]));
        let trace: Value = serde_json::from_str(&fs::read_to_string(&trace).unwrap()).unwrap();
        asks_at_most(&trace, bounds);
        trace["peak_bytes"].as_u64().unwrap()
    };
    // What one sample takes with and without running layers again.
    let kept = ["--set", "train.gradient_checkpointing=false"];
    let single = ["--set", "train.batch_size=1", "--set", "data.cache_mb=0"];
    let again = peak("again", &single, [4936, 1316, 113]);
    let once = peak("once", &[&single[..], &kept[..]].concat(), [4936, 1316, 113]);
    assert!(again < once, "{again} and {once}");

    let between = ((again + once) / 2).to_string();
    let saved = train("saved", &kept, &[("COC_MEMORY", &between)]);
    assert!(saved.status.success(), "{}", stderr(&saved));
    let said: String = events(folder, "saved")
        .iter()
        .filter_map(|event| event["text"].as_str().map(str::to_owned))
        .collect();
    assert!(said.contains("layers run again in the backward pass"), "{said}");
    for (saved, roomy) in losses(folder, "saved").iter().zip({
        stdout(&train("roomy", &kept, &[]));
        losses(folder, "roomy")
    }) {
        assert!((saved - roomy).abs() < 1e-4 * roomy, "{saved} against {roomy}");
    }

    let too_little = (again * 9 / 10).to_string();
    let ended = train("ended", &kept, &[("COC_MEMORY", &too_little), ("RUST_BACKTRACE", "1")]);
    assert_eq!(ended.status.code(), Some(1), "{}", stderr(&ended));
    let reason = reason(folder, "ended");
    for words in [
        "memory ran out",
        "frozen weights take",
        "gradients and moments",
        "model.max_pixels",
        "--resume",
    ] {
        assert!(reason.contains(words), "{words}: {reason}");
    }

    let full = train("full", &[], &[("COC_MEMORY", "2000000"), ("RUST_BACKTRACE", "1")]);
    assert_eq!(full.status.code(), Some(1));
    assert!(!stderr(&full).contains("   0: "), "{}", stderr(&full));
    for words in ["the weights of", "are free", "nvidia-smi"] {
        assert!(stderr(&full).contains(words), "{words}: {}", stderr(&full));
    }
}

#[test]
fn a_lost_device_ends_the_run_with_the_checkpoint_to_go_on_from() {
    if !is_here() {
        return;
    }
    if !cfg!(target_os = "linux") {
        println!("skipped: the library that loses a device is for Linux");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    drawn(folder);
    let (source, library) = (folder.join("lost.c"), folder.join("lost.so"));
    fs::write(&source, include_str!("lost.c")).unwrap();
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let compiled = Command::new(compiler)
        .args(["-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(&source)
        .status();
    assert!(compiled.unwrap().success());
    let steps = [
        "--set",
        "checkpoint.every_steps=1",
        "--set",
        "train.aspects.max_steps=4",
    ];
    stdout(&train(folder, "whole", &steps, &[]));

    let first = folder.join("sessions/lost/checkpoints/aspects-000001.safetensors");
    let broken = [
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("LOSE_AFTER", first.to_str().unwrap()),
        ("RUST_BACKTRACE", "1"),
    ];
    let lost = train(folder, "lost", &steps, &broken);
    assert_eq!(lost.status.code(), Some(1), "{}", stderr(&lost));
    assert!(!stderr(&lost).contains("panicked"), "{}", stderr(&lost));
    let reason = reason(folder, "lost");
    let words = [
        "the device was lost",
        "CUDA_ERROR_ILLEGAL_ADDRESS",
        "the newest checkpoint is checkpoints/aspects-000001",
        "--resume --session lost",
    ];
    for words in words {
        assert!(reason.contains(words), "{words}: {reason}");
    }
    stdout(&train(folder, "lost", &["--resume"], &[]));
    assert_eq!(losses(folder, "lost"), losses(folder, "whole"));
}
