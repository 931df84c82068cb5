//! The Compare screen with evaluations of other parameters or other data than the session's own.

use std::path::Path;

use crate::{
    made_up::{self, evaluated},
    session::{Evaluated, EvaluationNote, Event, Metrics, SessionFolder, Stage, keep_evaluation},
    tui::compare::{Compare, side::Side},
};

const CHECKPOINT: Evaluated = Evaluated::Checkpoint {
    stage: Stage::Prompt,
    step: 600,
};

/// Saves an evaluation as `masp eval` does; `second` orders them.
fn keep(folder: &SessionFolder, second: u32, split: &str, evaluated: Evaluated, other: Option<&str>) {
    let note = EvaluationNote {
        evaluated,
        data: other.unwrap_or("/its/own").to_owned(),
        own_data: other.is_none(),
    };
    let made_up = made_up::records(600).into_iter().find_map(|record| match record.event {
        Event::Evaluation(seen) => Some(seen.metrics),
        _ => None,
    });
    let metrics = Metrics {
        split: split.to_owned(),
        ..made_up.unwrap()
    };
    let rows = evaluated::results(10);
    keep_evaluation(folder, &note, &metrics, &rows, 1.8e9 + f64::from(second)).unwrap();
}

fn sides(root: &Path, names: [&str; 2]) -> Compare {
    let mut compare = Compare::default();
    let sides = names.map(|name| Side::read(&root.join(name)).unwrap());
    compare.sides_read(Ok(Box::new(sides)));
    compare
}

/// The name and the data of each of the two evaluations.
fn chosen(compare: &Compare) -> [(String, String); 2] {
    let sides = compare.sides.as_deref().unwrap();
    sides.each_ref().map(|side| {
        (
            side.evaluation().unwrap().name.clone(),
            side.data().display().to_string(),
        )
    })
}

#[test]
fn evaluations_of_other_models_or_data_are_chosen_only_by_hand() {
    let root = tempfile::tempdir().unwrap();
    let [a, b] = [("a", false), ("b", true)].map(|(name, other)| evaluated::session(root.path(), name, 20, other));
    // The newest of both are of other data, of the frozen model and of other parameters; only A has an evaluation of
    // its own on `test`.
    keep(&a, 0, "test", CHECKPOINT, None);
    keep(&a, 1, "test", CHECKPOINT, Some("/foreign"));
    keep(&b, 0, "test", Evaluated::Frozen, None);
    keep(&b, 1, "test", CHECKPOINT, Some("/foreign"));
    let files = Evaluated::Files {
        prompt: Some("other.pth".into()),
        aspects: None,
    };
    keep(&b, 2, "test", files, None);
    let mut compare = sides(root.path(), ["a", "b"]);
    let own = root.path().join("data").display().to_string();
    for (name, data) in chosen(&compare) {
        assert_eq!((name.as_str(), &data), ("val · prompt 600", &own));
    }
    // All can be chosen by hand, and the data shown is the evaluation's.
    let mut names = Vec::new();
    for _ in 0..3 {
        compare.step_evaluation(1, 1);
        names.push(chosen(&compare)[1].clone());
    }
    let starts = ["test · frozen", "test · prompt 600 · on /foreign", "test · other.pth"];
    assert!(
        names
            .iter()
            .zip(starts)
            .all(|((name, _), start)| name.starts_with(start)),
        "{names:?}"
    );
    assert_eq!(names[1].1, "/foreign");
    // If both sides have an own evaluation on `test`, these are compared, although they are not the newest.
    keep(&b, 3, "test", CHECKPOINT, None);
    keep(&b, 4, "test", CHECKPOINT, Some("/foreign"));
    for (name, _) in chosen(&sides(root.path(), ["a", "b"])) {
        assert!(name.starts_with("test · prompt 600 · 2027"), "{name}");
    }
}

#[test]
fn two_newest_own_evaluations_of_one_session_are_compared() {
    let root = tempfile::tempdir().unwrap();
    let a = evaluated::session(root.path(), "a", 20, false);
    keep(&a, 0, "val", CHECKPOINT, None);
    keep(&a, 1, "val", CHECKPOINT, Some("/foreign"));
    keep(&a, 2, "val", Evaluated::Frozen, None);
    let [before, last] = chosen(&sides(root.path(), ["a", "a"]));
    assert_eq!(before.0, "val · prompt 600");
    assert!(last.0.starts_with("val · prompt 600 · 2027"), "{last:?}");
}
