//! Ten steps of each stage and predictions, through the command line, against the reference.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::run;
use crate::golden::{families, reference};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn close(what: &str, got: &Value, want: &Value, tolerance: f64) {
    let (got, want) = (got.as_f64().unwrap(), want.as_f64().unwrap());
    assert!(
        (got - want).abs() <= tolerance * want.abs().max(1e-12),
        "{what}: {got} against {want}"
    );
}

/// Runs the program in a folder with the words of a line, and returns its standard output.
pub type Run = fn(&Path, &str) -> String;

/// A model, the reference's command line on it, and the program that must agree.
pub struct Setup {
    run: Run,
    model: PathBuf,
    /// Parameter files and expected results.
    cli: PathBuf,
    /// Dataset and prompts, which all models share.
    shared: PathBuf,
}

/// The smallest model.
pub fn qwen2_vl(run: Run) -> Option<Setup> {
    let golden = reference::folder()?;
    Some(Setup {
        run,
        model: golden.join("tiny_a"),
        cli: golden.join("cli"),
        shared: golden.join("cli"),
    })
}

fn setups() -> Vec<Setup> {
    let shared = reference::folder().map(|golden| golden.join("cli"));
    let of = |(_, folder): (&str, PathBuf)| Setup {
        run,
        model: folder.join("model"),
        cli: folder.join("cli"),
        shared: shared.clone().unwrap(),
    };
    qwen2_vl(run)
        .into_iter()
        .chain(families::folders().into_iter().map(of))
        .collect()
}

fn prepare(setup: &Setup) -> (tempfile::TempDir, Value) {
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "train: {{learning_rate: 1.0e-3, warmup_ratio: 0.1, weight_decay: 0.01, batch_size: 1}}\n\
         data: {{shuffle: false, val_fraction: 0, prompts: {0}/prompts.txt, aspect_prompts: {0}/prompts}}\n\
         model: {{path: {1}}}\ntest: {{max_new_tokens: 8}}\n",
        setup.shared.display(),
        setup.model.display()
    );
    fs::write(folder.path().join("config.yaml"), config).unwrap();
    let expected = serde_json::from_str(&fs::read_to_string(setup.cli.join("expected.json")).unwrap()).unwrap();
    (folder, expected)
}

#[test]
fn ten_steps_of_each_stage_agree_on_each_family() {
    setups().iter().for_each(ten_steps_agree);
}

pub fn ten_steps_agree(setup: &Setup) {
    let (folder, expected) = prepare(setup);
    let path = |name: &str| setup.cli.join(name).display().to_string();
    let data = setup.shared.join("data").display().to_string();
    let (aspects, prompt) = (path("aspect.pth"), path("init_prompt.pt"));
    for (stage, key) in [("aspects", "stage1"), ("prompt", "stage2")] {
        let train = format!("train --data {data} --stage {stage} --session {stage} --headless --max_steps 10");
        let files = format!("--init-aspects {aspects} --init_prompt {prompt} --save_ckpt out.pth");
        (setup.run)(folder.path(), &format!("{train} {files}"));
        let journal = fs::read_to_string(folder.path().join("sessions").join(stage).join("journal.jsonl")).unwrap();
        let steps: Vec<Value> = lines(&journal)
            .into_iter()
            .filter(|record| record["event"] == "step")
            .collect();
        let wanted = expected[key].as_array().unwrap();
        assert_eq!(steps.len(), wanted.len());
        for (step, want) in steps.iter().zip(wanted) {
            close("loss", &step["loss"], &want["loss"], 1e-4);
            close("lr", &step["lr"], &want["lr"], 1e-9);
            close("grad_norm", &step["grad_norm"], &want["grad_norm"], 1e-3);
        }
        assert!(folder.path().join("out.pth").is_file());
    }
}

#[test]
fn predictions_agree_on_each_family() {
    setups().iter().for_each(predictions_agree);
}

pub fn predictions_agree(setup: &Setup) {
    let (folder, expected) = prepare(setup);
    let path = |name: &str| setup.cli.join(name).display().to_string();
    let wanted = expected["predict"].as_array().unwrap();
    let images: Vec<String> = wanted
        .iter()
        .map(|want| setup.shared.join("data").join(want["image"].as_str().unwrap()))
        .map(|path| path.display().to_string())
        .collect();
    let (prompt, aspects) = (path("trained_prompt.pt"), path("aspect.pth"));
    let predict = format!("predict --json --load_ckpt {prompt} --load_spmodel_ckpt {aspects}");
    let found = lines(&(setup.run)(folder.path(), &format!("{predict} {}", images.join(" "))));
    assert_eq!(found.len(), wanted.len());
    for (got, want) in found.iter().zip(wanted) {
        for (label, value) in want["log_likelihoods"].as_object().unwrap() {
            close(label, &got["log_likelihoods"][label], value, 1e-4);
        }
        assert_eq!(got["generated"], want["generated"]);
        for (view, queries) in want["attention"].as_object().unwrap() {
            let aspect = &got["aspects"][view];
            assert_eq!(aspect["grid"], want["grid"]);
            for (row, wanted) in aspect["attention"]
                .as_array()
                .unwrap()
                .iter()
                .zip(queries.as_array().unwrap())
            {
                for (cell, wanted) in row.as_array().unwrap().iter().zip(wanted.as_array().unwrap()) {
                    assert!((cell.as_f64().unwrap() - wanted.as_f64().unwrap()).abs() < 1e-5);
                }
            }
        }
    }
}

/// A run that is stopped and resumed gives the losses and parameters of an uninterrupted one, to the bit.
#[test]
fn a_resumed_run_is_the_uninterrupted_one_on_each_family() {
    setups().iter().for_each(resumes);
}

pub fn resumes(setup: &Setup) {
    let (folder, _) = prepare(setup);
    let data = setup.shared.join("data").display().to_string();
    let train = |session: &str, extra: &str| {
        let train = format!("train --data {data} --stage aspects --headless --session {session} --max-steps 8");
        let set = "--set data.shuffle=true --set checkpoint.every_steps=4";
        (setup.run)(folder.path(), &format!("{train} {set}{extra}"))
    };
    train("whole", "");
    train("parted", "");
    let sessions = folder.path().join("sessions");
    // As if the run had died after its checkpoint at step 4.
    let parted = sessions.join("parted");
    fs::remove_file(parted.join("checkpoints/aspects-000008.safetensors")).unwrap();
    let journal = fs::read_to_string(parted.join("journal.jsonl")).unwrap();
    let until = journal.lines().take_while(|line| !line.contains("\"step\":7,"));
    fs::write(
        parted.join("journal.jsonl"),
        until.map(|line| format!("{line}\n")).collect::<String>(),
    )
    .unwrap();
    train("parted", " --resume");
    let bytes =
        |session: &str| fs::read(sessions.join(session).join("checkpoints/aspects-000008.safetensors")).unwrap();
    assert_eq!(bytes("whole"), bytes("parted"));
    let losses = |session: &str| -> Vec<(u64, f64)> {
        let text = fs::read_to_string(sessions.join(session).join("journal.jsonl")).unwrap();
        let steps = lines(&text).into_iter().filter(|record| record["event"] == "step");
        let mut steps: Vec<_> = steps
            .map(|record| (record["step"].as_u64().unwrap(), record["loss"].as_f64().unwrap()))
            .collect();
        // After `resumed` the later of two records of a step counts.
        steps.reverse();
        steps.sort_by_key(|(step, _)| *step);
        steps.dedup_by_key(|(step, _)| *step);
        steps
    };
    assert_eq!(losses("whole"), losses("parted"));
}
