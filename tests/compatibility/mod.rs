//! Files of earlier versions stay readable. `format-1` was written by version 0.1.0: a run that was asked about an
//! image, paused, killed, terminated and resumed. Never regenerate these files: a new format gets a folder of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use masp::aspects::aspect_file::read_aspects;
use masp::aspects::checkpoint::Checkpoint;
use masp::data::View;
use masp::session::{
    Checkpoints, Prediction, RunState, RunStatus, Selector, SessionFolder, SessionState, Stage, each_record,
    kept_evaluations, read_results, summarise_session,
};

use crate::cli::{masp, stdout};
use crate::reliability::workplace;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/compatibility")
        .join(name)
}

#[test]
fn a_journal_of_format_1_is_read() {
    let session = SessionFolder::at(&folder("format-1")).unwrap();
    let (mut state, mut kinds) = (RunState::default(), BTreeMap::new());
    each_record(&session.journal(), |record| {
        let kind = serde_json::to_value(&record.event).unwrap()["event"]
            .as_str()
            .unwrap()
            .to_owned();
        *kinds.entry(kind).or_insert(0) += 1;
        state.apply(&record);
    })
    .unwrap();
    let said: Vec<(&str, i32)> = kinds.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
    let expected = [
        ("answer", 4),
        ("checkpoint", 10),
        ("command", 8),
        ("ended", 2),
        ("evaluation", 8),
        ("phase", 24),
        ("progress", 36),
        ("resumed", 2),
        ("sample", 9),
        ("session", 1),
        ("step", 85),
    ];
    assert_eq!(said, expected);
    assert_eq!((state.status(), state.resumes), (RunStatus::Done, 2));
    for stage in [Stage::Aspects, Stage::Prompt] {
        let history = state.history(stage).unwrap();
        let steps: Vec<u64> = history.steps.iter().map(|point| point.step).collect();
        assert_eq!(steps, (1..=40).collect::<Vec<_>>());
        assert!(
            history
                .steps
                .iter()
                .all(|point| point.loss.is_finite() && point.grad_norm > 0.0)
        );
        assert_eq!(history.evaluations.len(), 4);
    }
    let summary = summarise_session(&session);
    assert_eq!((summary.state, summary.steps), (SessionState::Finished, 80));
    assert_eq!(
        summary.best_accuracy,
        state
            .history(Stage::Prompt)
            .map(|h| { h.evaluations.iter().map(|e| e.metrics.accuracy).fold(0.0, f64::max) })
    );
}

#[test]
fn a_checkpoint_of_format_1_is_read() {
    let session = SessionFolder::at(&folder("format-1")).unwrap();
    let checkpoints = Checkpoints::read(&session).unwrap();
    let file = checkpoints.find(Selector::Last, None).unwrap();
    assert_eq!((file.stage, file.step), (Stage::Prompt, 40));
    let checkpoint = Checkpoint::load(&file.path).unwrap();
    assert_eq!(
        (checkpoint.meta.format, checkpoint.meta.stage, checkpoint.meta.step),
        (1, Stage::Prompt, 40)
    );
    let names: Vec<&str> = checkpoint.tensors.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "optimizer.exp_avg.soft_prompt",
            "optimizer.exp_avg_sq.soft_prompt",
            "soft_prompt"
        ]
    );
    for tensor in checkpoint.tensors.values() {
        assert_eq!(tensor.shape, [4, 128]);
        assert!(tensor.data.iter().all(|value| value.is_finite()));
    }
    assert_eq!(checkpoint.meta.optimizer_steps["soft_prompt"], 40);
}

/// `format-1-aspects` holds modules of one view and width 4 that were written before an evaluation.
#[test]
fn an_aspects_checkpoint_of_format_1_is_read() {
    let path = folder("format-1-aspects/checkpoints/aspects-000017.safetensors");
    let checkpoint = Checkpoint::load(&path).unwrap();
    let meta = &checkpoint.meta;
    assert_eq!((meta.format, meta.stage, meta.step), (1, Stage::Aspects, 17));
    assert!(meta.best && meta.evaluation_due && meta.optimizer_steps["q_view.scene"] == 17);
    assert_eq!(
        checkpoint.tensors.len(),
        3 * 5,
        "five parameters, each with two moments"
    );
    let file = read_aspects(&path).unwrap();
    let modules = file.views.get(&View::Scene).unwrap();
    assert_eq!(modules.query.shape, [2, 4]);
    file.require(&path, 4, &[View::Scene]).unwrap();
}

#[test]
fn predictions_and_looks_of_format_1_are_read() {
    let session = SessionFolder::at(&folder("format-1")).unwrap();
    let mut state = RunState::default();
    each_record(&session.journal(), |record| state.apply(&record)).unwrap();
    let kept = kept_evaluations(session.path(), &state);
    assert_eq!(kept.len(), 4);
    for evaluation in kept {
        let rows = read_results(&evaluation.path).unwrap();
        assert_eq!(rows.len(), 3);
        assert!(rows.iter().all(|row| row.prediction.probabilities.len() == 8));
    }
    let look = state.panel[&0].last().unwrap();
    let text = std::fs::read(session.path().join(&look.file)).unwrap();
    let prediction: Prediction = serde_json::from_slice(&text).unwrap();
    assert_eq!(prediction.aspects.len(), 6);
    assert!(session.path().join(&look.thumbnail).is_file());
}

/// `format-1-killed` was killed after its fifth step of eight; the expected losses are those of the same run without
/// the kill.
#[test]
fn a_run_of_format_1_is_resumed() {
    let work = workplace();
    let (kept, copy) = (folder("format-1-killed"), work.path().join("sessions/format-1-killed"));
    for part in ["", "checkpoints", "predictions", "samples", "thumbnails"] {
        std::fs::create_dir_all(copy.join(part)).unwrap();
        for entry in std::fs::read_dir(kept.join(part)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                std::fs::copy(&path, copy.join(part).join(path.file_name().unwrap())).unwrap();
            }
        }
    }
    let resume = [
        "train",
        "--data",
        "drawn",
        "--session",
        "format-1-killed",
        "--stage",
        "prompt",
        "--headless",
        "--resume",
    ];
    stdout(&masp(work.path(), &resume));
    let mut state = RunState::default();
    each_record(&copy.join("journal.jsonl"), |record| state.apply(&record)).unwrap();
    let history = state.history(Stage::Prompt).unwrap();
    let losses: Vec<f64> = history.steps.iter().map(|point| point.loss).collect();
    let uninterrupted = [
        1.743184, 1.701940, 1.473028, 1.499449, 2.423569, 1.591742, 0.833075, 1.499438,
    ];
    assert_eq!(losses.len(), uninterrupted.len());
    for (loss, wanted) in losses.iter().zip(uninterrupted) {
        assert!((loss - wanted).abs() < 1e-3, "{losses:?}");
    }
    let kept = Checkpoints::read(&SessionFolder::at(&copy).unwrap()).unwrap();
    assert_eq!(kept.find(Selector::Last, None).unwrap().step, 8);
}
