use std::os::unix::fs::symlink;
use std::time::SystemTime;

use indexmap::IndexMap;

use super::*;
use crate::session::{
    Ended, Event, JournalWriter, KeptEvaluation, Prediction, RunState, SessionStart, kept_evaluations,
    summarise_session,
};

/// 2026-11-22 13:09:24 UTC.
const TIME: f64 = 1_795_352_964.0;

fn session(root: &Path) -> SessionFolder {
    let folder = SessionFolder::create(root, "run").unwrap();
    let mut journal = JournalWriter::open(&folder.journal()).unwrap();
    let start = SessionStart {
        format: 1,
        program: "0.1.0".into(),
        name: "run".into(),
        settings: serde_json::json!({}),
        model: "tiny".into(),
        data: "drawn".into(),
        drawn: None,
        dataname: "EmoSet".into(),
        classes: vec!["awe".into(), "fear".into()],
        splits: [4, 2, 2],
        device: "cpu".into(),
        views: Vec::new(),
        plan: vec![(Stage::Prompt, 8)],
    };
    journal.append(Event::Session(Box::new(start))).unwrap();
    journal.append(Event::Ended(Ended { reason: "done".into() })).unwrap();
    folder
}

fn rows(image: &str) -> Vec<ImageResult> {
    vec![ImageResult {
        prediction: Prediction {
            image: image.into(),
            prediction: "awe".into(),
            probabilities: IndexMap::from_iter([("awe".to_owned(), 1.0)]),
            log_likelihoods: IndexMap::new(),
            generated: "awe".into(),
            rationale: String::new(),
            aspects: IndexMap::new(),
        },
        gold: "awe".into(),
        loss: 0.5,
        annotation: IndexMap::new(),
    }]
}

fn metrics(split: &str, accuracy: f64) -> Metrics {
    Metrics {
        split: split.into(),
        samples: 1,
        accuracy,
        ..Metrics::default()
    }
}

fn keep(folder: &SessionFolder, evaluated: Evaluated, own_data: bool, split: &str, accuracy: f64) -> PathBuf {
    let note = EvaluationNote {
        evaluated,
        data: if own_data { "/drawn" } else { "/other" }.into(),
        own_data,
    };
    keep_evaluation(folder, &note, &metrics(split, accuracy), &rows("awe/1.jpg"), TIME).unwrap()
}

const PROMPT: Evaluated = Evaluated::Checkpoint {
    stage: Stage::Prompt,
    step: 8,
};

fn test_accuracy(folder: &SessionFolder) -> Option<f64> {
    summarise_session(folder).test_accuracy
}

fn kept(folder: &SessionFolder) -> Vec<KeptEvaluation> {
    kept_evaluations(folder.path(), &RunState::default())
}

#[test]
fn evaluations_of_one_second_lie_beside_each_other_in_their_order() {
    let root = tempfile::tempdir().unwrap();
    let folder = session(root.path());
    let kept: Vec<PathBuf> = (0..11)
        .map(|n| keep(&folder, PROMPT, true, "test", f64::from(n)))
        .collect();
    assert_eq!(kept[0].file_name().unwrap(), "20261122-130924-test");
    assert_eq!(kept[10].file_name().unwrap(), "20261122-130924-11-test");
    let found = later_evaluations(folder.path());
    let figures: Vec<f64> = found.iter().map(|later| later.metrics().unwrap().accuracy).collect();
    assert_eq!(figures, (0..11).map(f64::from).collect::<Vec<_>>());
    assert!(found.iter().all(|later| later.split == "test" && later.is_own()));
    assert_eq!(test_accuracy(&folder), Some(10.0));
}

#[test]
fn only_the_sessions_own_test_figures_reach_its_row() {
    let root = tempfile::tempdir().unwrap();
    let folder = session(root.path());
    assert_eq!(test_accuracy(&folder), None);
    keep(&folder, PROMPT, true, "val", 0.1);
    keep(&folder, PROMPT, false, "test", 0.2);
    keep(&folder, Evaluated::Frozen, true, "test", 0.3);
    let files = Evaluated::Files {
        prompt: Some("/far/p.pth".into()),
        aspects: None,
    };
    keep(&folder, files, true, "test", 0.4);
    assert_eq!(test_accuracy(&folder), None);
    keep(&folder, PROMPT, true, "test", 0.5);
    assert_eq!(test_accuracy(&folder), Some(0.5));
    let kept = kept(&folder);
    let told: Vec<(&str, bool)> = kept.iter().map(|kept| (kept.name.as_str(), kept.is_own())).collect();
    assert_eq!(
        told,
        [
            ("test · prompt 8 · on /other · 20261122-130924", false),
            ("val · prompt 8 · 20261122-130924", true),
            ("test · frozen · 20261122-130924-2", false),
            ("test · p.pth · 20261122-130924-3", false),
            ("test · prompt 8 · 20261122-130924-4", true),
        ]
    );
    let others: Vec<Option<&str>> = kept.iter().map(KeptEvaluation::others).collect();
    assert_eq!(
        others,
        [
            Some("another dataset"),
            None,
            Some("the frozen model"),
            Some("other parameters"),
            None
        ]
    );
    assert_eq!(kept[0].origin("run", "drawn").data, "/other");
}

#[test]
fn the_frozen_models_predictions_are_kept_of_each_split() {
    let root = tempfile::tempdir().unwrap();
    let folder = session(root.path());
    // An older version kept only the figures.
    fs::write(folder.frozen(), serde_json::to_vec(&metrics("val", 0.1)).unwrap()).unwrap();
    assert_eq!(frozen_metrics(folder.path()).unwrap().accuracy, 0.1);
    keep(&folder, Evaluated::Frozen, true, "val", 0.2);
    keep(&folder, Evaluated::Frozen, true, "test", 0.3);
    keep(&folder, Evaluated::Frozen, false, "val", 0.4);
    // The Train screen's bars are of `val`.
    assert_eq!(frozen_metrics(folder.path()).unwrap().accuracy, 0.2);
    let kept = kept(&folder);
    assert_eq!(kept.len(), 3);
    assert!(
        kept.iter()
            .all(|kept| super::super::read_results(&kept.path).unwrap() == rows("awe/1.jpg"))
    );
}

#[test]
fn evaluations_of_older_programs_have_no_note() {
    let root = tempfile::tempdir().unwrap();
    let folder = session(root.path());
    for (name, checkpoint) in [
        ("20261122-120000-test", Some("{\"stage\":\"prompt\",\"step\":4}")),
        ("20261122-110000-test", None),
    ] {
        let path = folder.evaluations().join(name);
        fs::create_dir(&path).unwrap();
        write_results(&path.join(PREDICTIONS), rows("a").iter()).unwrap();
        fs::write(path.join(METRICS), serde_json::to_vec(&metrics("test", 0.25)).unwrap()).unwrap();
        if let Some(text) = checkpoint {
            fs::write(path.join(CHECKPOINT), text).unwrap();
        }
    }
    let kept = kept(&folder);
    let told: Vec<(&str, Option<u64>, bool)> = kept.iter().map(|k| (k.name.as_str(), k.prompt, k.is_own())).collect();
    assert_eq!(
        told,
        [
            ("test · 20261122-110000", None, true),
            ("test · prompt 4 · 20261122-120000", Some(4), true),
        ]
    );
    assert_eq!(test_accuracy(&folder), Some(0.25));
}

#[test]
fn a_folder_that_is_a_symbolic_link_is_not_written_to() {
    let root = tempfile::tempdir().unwrap();
    let folder = session(root.path());
    fs::create_dir(root.path().join("elsewhere")).unwrap();
    fs::remove_dir(folder.evaluations()).unwrap();
    symlink(root.path().join("elsewhere"), folder.evaluations()).unwrap();
    let note = EvaluationNote {
        evaluated: PROMPT,
        data: String::new(),
        own_data: true,
    };
    let error = keep_evaluation(&folder, &note, &metrics("test", 0.5), &[], TIME).unwrap_err();
    assert!(error.to_string().contains("it is a symbolic link"), "{error}");
    assert_eq!(fs::read_dir(root.path().join("elsewhere")).unwrap().count(), 0);
}

#[test]
fn partial_folders_of_killed_writers_are_removed() {
    let root = tempfile::tempdir().unwrap();
    let folder = session(root.path());
    let here = |name: &str| folder.evaluations().join(name);
    for name in [".old.partial", ".held.partial", ".young.partial"] {
        fs::create_dir(here(name)).unwrap();
        fs::write(here(name).join(METRICS), "{").unwrap();
    }
    fs::write(here("frozen.json.x1Y2z3.partial"), "{").unwrap();
    for name in [".old.partial", ".held.partial", "frozen.json.x1Y2z3.partial"] {
        let long_ago = SystemTime::now() - 2 * STALE_AGE;
        File::open(here(name)).unwrap().set_modified(long_ago).unwrap();
    }
    let held = File::open(here(".held.partial")).unwrap();
    flock(&held, FlockOperation::NonBlockingLockExclusive).unwrap();
    assert_eq!(later_evaluations(folder.path()), []);
    keep(&folder, PROMPT, true, "test", 0.5);
    let mut left: Vec<String> = fs::read_dir(folder.evaluations())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, [".held.partial", ".young.partial", "20261122-130924-test"]);
}
