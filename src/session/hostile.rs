//! Properties for hostile journals, predictions and names: reading gives records or an error message, in bounded memory, and
//! stays inside the session's folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::hostile::{TEXTS, Wild, changed, config, is_sentence, make_pipe, measured, wild};

/// The bound on memory: more than any file of the sizes tried here needs.
const MEMORY_BOUND: usize = 8 << 20;

fn example(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("sessions/example")
        .join(file);
    fs::read_to_string(path).unwrap()
}

/// A short journal with an event of every kind.
pub fn journal() -> String {
    let example = example("journal.jsonl");
    let mut kinds = Vec::new();
    let mut lines: Vec<String> = Vec::new();
    for line in example.lines() {
        let kind = line.split("\"event\":").nth(1).and_then(|rest| rest.split(',').next());
        let often = kinds.iter().filter(|seen| **seen == kind).count();
        if often < 3 {
            kinds.push(kind);
            lines.push(line.to_owned());
        }
    }
    let rest = [
        r#""event":"resumed","stage":"aspects","from_step":1,"plan":[["aspects",4],["prompt",9]]"#,
        r#""event":"command","command":"set_learning_rate","lr":0.001,"stage":"prompt","step":2"#,
        r#""event":"command","command":"ask","ask":"question","image":"a","question":"why?","stage":null,"step":2"#,
        r#""event":"answer","stage":"prompt","step":2,"request":{"ask":"predict","image":"a","muted":["scene"],"blanked":[1]},"found":{"text":"so"}"#,
        r#""event":"warning","text":"careful","step":3"#,
        r#""event":"log","text":"said","clock_jump_s":3600.5"#,
    ];
    lines.extend(rest.map(|rest| format!(r#"{{"seq":0,"time":1.7e9,{rest}}}"#)));
    let number = |(seq, line): (usize, String)| {
        let (_, rest) = line.split_once(',').unwrap();
        format!("{{\"seq\":{seq},{rest}\n")
    };
    lines.into_iter().enumerate().map(number).collect()
}

/// The records of [`journal`] as JSON.
pub fn records() -> Vec<Value> {
    journal()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A session's folder with this journal.
fn session(root: &Path, journal: &[u8]) -> SessionFolder {
    let folder = SessionFolder::create(root, "run").unwrap();
    fs::write(folder.journal(), journal).unwrap();
    folder
}

#[test]
fn the_unchanged_journal_is_valid() {
    let root = tempfile::tempdir().unwrap();
    let folder = session(root.path(), journal().as_bytes());
    let kinds = |record: &Record| {
        serde_json::to_value(record).unwrap()["event"]
            .as_str()
            .map(str::to_owned)
    };
    let mut kinds: Vec<_> = read_journal(&folder.journal()).unwrap().iter().map(kinds).collect();
    kinds.sort();
    kinds.dedup();
    assert_eq!(kinds.len(), 13, "{kinds:?}");
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_changed_journal_gives_records_or_an_error(bytes in changed(vec![journal().into_bytes()])) {
        let root = tempfile::tempdir()?;
        let folder = session(root.path(), &bytes);
        let (read, most) = measured(|| read_journal(&folder.journal()));
        prop_assert!(most < MEMORY_BOUND, "{most} bytes");
        let mut tail = JournalTail::new(&folder.journal());
        let (mut followed, mut state) = (Vec::new(), RunState::default());
        let polled = tail.poll(|record| followed.push(record));
        followed.iter().for_each(|record| state.apply(record));
        let is_broken = read.is_err();
        match (read, polled) {
            // NaN is not equal to itself.
            (Ok(all), Ok(())) => prop_assert_eq!(format!("{all:?}"), format!("{followed:?}")),
            (Err(error), Err(polled)) => {
                prop_assert!(is_sentence(&error.to_string()), "{:?}", error.to_string());
                prop_assert_eq!(error.to_string(), polled.to_string());
            }
            (read, polled) => prop_assert!(false, "{read:?} {polled:?}"),
        }
        for kept in kept_evaluations(folder.path(), &state) {
            prop_assert!(kept.path.starts_with(folder.path()));
        }
        let summary = summarise_session(&folder);
        // The list says of each journal whether it can be opened.
        prop_assert_eq!(summary.state == SessionState::Unreadable, is_broken);
        prop_assert!(summary.problem.is_none_or(|problem| summary.state == SessionState::Failed || is_sentence(&problem)));
        if let Err(error) = Checkpoints::read(&folder) {
            prop_assert!(is_sentence(&error.to_string()), "{:?}", error.to_string());
        }
    }

    #[test]
    fn arbitrary_records_are_folded_and_survive_a_round_trip(Wild(documents) in wild(records())) {
        let mut state = RunState::default();
        for document in documents {
            let Ok(mut record) = serde_json::from_value::<Record>(document) else { continue };
            state.apply(&record);
            let (_, _) = (state.eta(), state.throughput());
            // NaN is written as null and is no longer equal to itself.
            let line = serde_json::to_string(&record)?;
            record = serde_json::from_str(&line)?;
            prop_assert_eq!(serde_json::to_string(&record)?, line);
        }
    }

    #[test]
    fn changed_predictions_give_rows_or_an_error(
        bytes in changed(vec![example("predictions/prompt-000120.jsonl").into_bytes()[..4000].to_vec()]),
    ) {
        let root = tempfile::tempdir()?;
        let path = root.path().join("rows.jsonl");
        fs::write(&path, &bytes)?;
        let (read, most) = measured(|| read_results(&path));
        prop_assert!(most < MEMORY_BOUND, "{most} bytes");
        match read {
            Err(error) => prop_assert!(is_sentence(&error.to_string()), "{:?}", error.to_string()),
            Ok(rows) => {
                prop_assert!(rows.iter().all(|row| row.is_right() || !row.margin().is_infinite()));
                write_results(&path, rows.iter())?;
                let written = fs::read(&path)?;
                write_results(&path, read_results(&path)?.iter())?;
                prop_assert_eq!(fs::read(&path)?, written);
            }
        }
    }

    #[test]
    fn a_name_that_is_taken_is_a_folder_of_its_root(name in prop_oneof![
        "(?s).{0,90}", "[a-z./_~-]{0,12}", "[A-Za-z0-9][A-Za-z0-9._-]{0,79}", prop::sample::select(TEXTS.to_vec()).prop_map(str::to_owned),
    ]) {
        let root = tempfile::tempdir()?;
        match SessionFolder::create(root.path(), &name) {
            Ok(folder) => {
                prop_assert_eq!(folder.path().parent(), Some(root.path()));
                prop_assert_eq!(folder.path().canonicalize()?, root.path().canonicalize()?.join(&name));
                let opened = SessionFolder::open(root.path(), &name)?;
                prop_assert_eq!(opened.name(), &name);
            }
            Err(error) => prop_assert!(is_sentence(&error.to_string()), "{:?}", error.to_string()),
        }
        let folder = SessionFolder::create_automatic(root.path(), &name, 1.7e9)?;
        prop_assert!(check_name(folder.name()).is_ok() && folder.path().parent() == Some(root.path()));
    }

    #[test]
    fn predictions_that_an_event_names_lie_in_the_sessions_folder(parts in prop::collection::vec(
        prop_oneof![Just(".."), Just("."), Just(""), Just("/"), Just("predictions"), Just("x\u{1b}")], 1..6,
    )) {
        let mut evaluation = records().into_iter().find(|record| record["event"] == "evaluation").unwrap();
        evaluation["stage"] = "prompt".into();
        evaluation["predictions"] = parts.join("/").into();
        let mut state = RunState::default();
        state.apply(&serde_json::from_value(evaluation)?);
        for kept in kept_evaluations(Path::new("/s/run"), &state) {
            prop_assert!(kept.path.starts_with("/s/run") && !kept.path.to_string_lossy().contains(".."));
        }
    }
}

#[test]
fn a_line_without_end_is_refused_before_it_is_in_memory() {
    let root = tempfile::tempdir().unwrap();
    let folder = session(root.path(), b"{");
    // 4 GB without a block on the disk.
    fs::File::options()
        .write(true)
        .open(folder.journal())
        .unwrap()
        .set_len(4 << 30)
        .unwrap();
    let (read, most) = measured(|| read_journal(&folder.journal()));
    assert!(read.unwrap_err().to_string().contains("line 1: a line is longer than"));
    assert!(most < 64 << 20, "{most} bytes");
    let (summary, most) = measured(|| summarise_session(&folder));
    assert!(
        summary.problem.unwrap().contains("longer than") && most < 64 << 20,
        "{most} bytes"
    );
    let (read, most) = measured(|| read_results(&folder.journal()));
    assert!(read.is_err() && most < 64 << 20, "{most} bytes");
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let root = tempfile::tempdir().unwrap();
    let folder = session(root.path(), b"");
    let first = records().remove(0);
    let deep = |key: &str, depth: usize| {
        let mut text = first.to_string();
        text.truncate(text.len() - 1);
        format!("{text},\"{key}\":{}{}}}\n", "[".repeat(depth), "]".repeat(depth))
    };
    for key in ["settings", "name"] {
        fs::write(folder.journal(), deep(key, 200_000)).unwrap();
        assert!(is_sentence(&read_journal(&folder.journal()).unwrap_err().to_string()));
        assert_eq!(summarise_session(&folder).state, SessionState::Unreadable);
        assert!(read_results(&folder.journal()).is_err());
    }
    // A key that nobody knows is passed over without being taken apart.
    fs::write(folder.journal(), deep("unheard", 200_000)).unwrap();
    assert_eq!(read_journal(&folder.journal()).unwrap().len(), 1);
    assert_eq!(summarise_session(&folder).state, SessionState::Crashed);
}

#[test]
fn a_pipe_in_a_sessions_folder_does_not_block() {
    let root = tempfile::tempdir().unwrap();
    let folder = SessionFolder::create(root.path(), "run").unwrap();
    let pipe = |path: PathBuf| {
        drop(fs::remove_file(&path));
        make_pipe(&path);
    };
    pipe(folder.journal());
    pipe(folder.path().join("note.txt"));
    assert_eq!(summarise_session(&folder).state, SessionState::Unreadable);
    assert_eq!(folder.note(), "");
    assert!(read_journal(&folder.journal()).is_err() && JournalTail::new(&folder.journal()).poll(drop).is_err());
    assert!(read_results(&folder.journal()).is_err());
    pipe(folder.path().join("lock"));
    assert!(folder.is_live().is_err());
}
