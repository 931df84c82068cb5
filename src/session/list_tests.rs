use std::{error::Error, io::Write};

use serde_json::{Value, json};

use super::*;
use crate::session::{SessionState, Stage};

type Outcome = Result<(), Box<dyn Error>>;

/// A session whose journal holds these events, one every ten seconds from 1000 on.
fn session(root: &Path, name: &str, events: &[Value]) -> Result<SessionFolder, Box<dyn Error>> {
    let folder = SessionFolder::create(root, name)?;
    let mut file = fs::File::create(folder.journal())?;
    for (seq, event) in events.iter().enumerate() {
        let mut line = event.clone();
        line["seq"] = json!(seq);
        line["time"] = json!(1000 + 10 * seq);
        writeln!(file, "{line}")?;
    }
    Ok(folder)
}

fn start() -> Value {
    json!({"event": "session", "format": 1, "program": "0.1.0", "name": "x", "settings": {},
        "model": "tiny", "data": "/data", "dataname": "EmoSet", "classes": [], "splits": [1, 1, 1],
        "device": "cpu", "views": [], "plan": [["aspects", 4], ["prompt", 8]]})
}

fn step(stage: &str, step: u64) -> Value {
    json!({"event": "step", "stage": stage, "step": step, "epoch": 0.5, "loss": null, "lr": 1e-3, "grad_norm": 1.0,
        "samples_per_s": 8.0})
}

fn evaluation(step: u64, split: &str, accuracy: f64) -> Value {
    json!({"event": "evaluation", "stage": "prompt", "step": step, "split": split, "samples": 9, "accuracy": accuracy,
        "accuracy_generated": accuracy, "macro_f1": accuracy, "per_class": {}, "confusion": {"labels": [], "counts": []},
        "ece": 0.1, "brier": null, "images_per_s": 4.0, "generated_images_per_s": null})
}

fn ended(reason: &str) -> Value {
    json!({"event": "ended", "reason": reason})
}

#[test]
fn a_finished_run_in_all_its_figures() -> Outcome {
    let root = tempfile::tempdir()?;
    let mut stage1 = evaluation(4, "val", 0.99);
    stage1["stage"] = json!("aspects");
    let events = [
        start(),
        step("aspects", 4),
        stage1,
        step("prompt", 7),
        evaluation(7, "val", 0.75),
        step("prompt", 8),
        evaluation(8, "val", 0.5),
        evaluation(8, "test", 0.875),
        ended("done"),
    ];
    let folder = session(root.path(), "run", &events)?;
    let mut summary = summarise_session(&folder);
    let expected = SessionSummary {
        name: "run".into(),
        path: folder.path().to_owned(),
        state: SessionState::Finished,
        model: "tiny".into(),
        data: "/data".into(),
        dataname: "EmoSet".into(),
        device: "cpu".into(),
        stage: Some(Stage::Prompt),
        step: 8,
        planned: Some(8),
        steps: 12,
        best_accuracy: Some(0.75),
        test_accuracy: Some(0.875),
        samples_per_s: summary.samples_per_s,
        memory: None,
        started: Some(1000.0),
        duration: 80.0,
        problem: None,
        note: String::new(),
        settings: summary.settings.clone(),
        best: None,
        test: None,
        spark: Vec::new(),
    };
    let splits = [&summary.best, &summary.test].map(|made| made.as_ref().map(|made| made.split.as_str()));
    assert_eq!(splits, [Some("val"), Some("test")]);
    // Figures that were not taken are NaN, which equals nothing.
    (summary.best, summary.test) = (None, None);
    assert_eq!(summary, expected);
    assert!(summary.settings.is_object(), "{}", summary.settings);
    assert_eq!(summary.progress(), "prompt 8/8");
    Ok(())
}

#[test]
fn states_by_lock_and_last_words() -> Outcome {
    let root = tempfile::tempdir()?;
    let command = |name: &str| json!({"event": "command", "command": name, "stage": null, "step": 1});
    let state = |name, events: &[Value], live| -> Result<SessionState, Box<dyn Error>> {
        let folder = session(root.path(), name, events)?;
        let _lock = if live { Some(folder.lock()?) } else { None };
        Ok(summarise_session(&folder).state)
    };
    assert_eq!(state("a", &[start(), step("aspects", 1)], true)?, SessionState::Live);
    assert_eq!(
        state("b", &[start(), step("aspects", 1)], false)?,
        SessionState::Crashed
    );
    assert_eq!(state("c", &[start(), command("pause")], true)?, SessionState::Paused);
    assert_eq!(
        state("d", &[start(), command("pause"), command("resume")], true)?,
        SessionState::Live
    );
    assert_eq!(state("e", &[start(), ended("stopped")], false)?, SessionState::Stopped);
    assert_eq!(state("f", &[start(), ended("no memory")], false)?, SessionState::Failed);
    assert_eq!(
        state("g", &[start(), ended("stopped"), step("aspects", 1)], false)?,
        SessionState::Crashed
    );
    assert_eq!(state("h", &[], false)?, SessionState::Crashed);
    Ok(())
}

#[test]
fn a_resume_takes_back_steps_scores_and_idle_time() -> Outcome {
    let root = tempfile::tempdir()?;
    let resumed = json!({"event": "resumed", "stage": "prompt", "from_step": 2});
    let events = [
        start(),
        step("prompt", 2),
        evaluation(2, "val", 0.25),
        step("prompt", 6),
        evaluation(6, "val", 0.75),
        resumed,
        step("prompt", 3),
        ended("stopped"),
        step("prompt", 4),
    ];
    let summary = summarise_session(&session(root.path(), "run", &events)?);
    assert_eq!((summary.step, summary.best_accuracy), (4, Some(0.25)));
    // Eight gaps of ten seconds; the one before the resume and the one after the end are no running time.
    assert_eq!(summary.duration, 60.0);
    Ok(())
}

#[test]
fn a_session_that_cannot_be_read_does_not_hide_the_others() -> Outcome {
    let root = tempfile::tempdir()?;
    session(root.path(), "good", &[start()])?;
    let broken = session(root.path(), "broken", &[start()])?;
    fs::OpenOptions::new()
        .append(true)
        .open(broken.journal())?
        .write_all(b"{}\n")?;
    let mut newer = start();
    newer["format"] = json!(2);
    session(root.path(), "newer", &[newer])?;
    let torn = session(root.path(), "torn", &[start()])?;
    fs::OpenOptions::new()
        .append(true)
        .open(torn.journal())?
        .write_all(b"{\"seq\"")?;
    fs::create_dir(root.path().join("no session"))?;
    let all = list_sessions(root.path())?;
    let seen: Vec<_> = all.iter().map(|s| (s.name.as_str(), s.state)).collect();
    assert_eq!(
        seen,
        [
            ("broken", SessionState::Unreadable),
            ("good", SessionState::Crashed),
            ("torn", SessionState::Crashed),
            ("newer", SessionState::Unreadable),
        ]
    );
    assert!(all[0].problem.as_deref().is_some_and(|why| why.contains("line 2")));
    assert!(all[3].problem.as_deref().is_some_and(|why| why.contains("update masp")));
    assert_eq!(list_sessions(&root.path().join("none"))?, []);
    Ok(())
}

#[test]
fn a_longer_plan_and_a_clock_that_was_set() -> Outcome {
    let root = tempfile::tempdir()?;
    let resumed = |plan: Value| json!({"event": "resumed", "stage": "prompt", "from_step": 8, "plan": plan});
    let jump = json!({"event": "log", "text": "the clock was set", "clock_jump_s": 9.0});
    let events = [
        start(),
        step("prompt", 8),
        resumed(json!([["prompt", 16]])),
        jump,
        step("prompt", 9),
    ];
    let summary = summarise_session(&session(root.path(), "told", &events)?);
    assert_eq!((summary.progress().as_str(), summary.duration), ("prompt 9/16", 21.0));
    // An older journal, whose `resumed` event has no plan.
    let resumed = json!({"event": "resumed", "stage": "prompt", "from_step": 8});
    let events = [start(), step("prompt", 8), resumed, step("prompt", 16)];
    let summary = summarise_session(&session(root.path(), "older", &events)?);
    assert_eq!((summary.progress().as_str(), summary.planned), ("prompt 16", None));
    Ok(())
}

#[test]
fn a_journal_with_a_gap_which_nothing_opens_is_not_told_as_finished() -> Outcome {
    let root = tempfile::tempdir()?;
    let session = SessionFolder::create(root.path(), "run")?;
    let mut journal = crate::session::JournalWriter::open(&session.journal())?;
    journal.append(super::super::journal::tests::start(1))?;
    journal.append(crate::session::Event::Log(crate::session::Log::new("middle")))?;
    journal.append(crate::session::Event::Ended(crate::session::Ended {
        reason: "done".into(),
    }))?;
    assert_eq!(summarise_session(&session).state, SessionState::Finished);
    let whole = std::fs::read_to_string(session.journal())?;
    let lines: Vec<&str> = whole.lines().collect();
    std::fs::write(session.journal(), format!("{}\n{}\n", lines[0], lines[2]))?;
    let told = crate::session::read_journal(&session.journal()).err().ok_or("opened")?;
    let summary = summarise_session(&session);
    assert_eq!(summary.state, SessionState::Unreadable);
    let problem = summary.problem.ok_or("no problem is told")?;
    for told in [told.to_string(), problem] {
        assert!(told.contains("line 2: seq is 2, and 1 should follow"), "{told}");
    }
    Ok(())
}

/// A session that is listed as finished can be opened. Tries each kind of line, with each of its keys missing or of another
/// type, in the middle of a journal whose `seq` has no gap.
#[test]
fn a_line_that_nothing_opens_is_named_by_the_list() -> Outcome {
    let root = tempfile::tempdir()?;
    let checkpoint = json!({"event": "checkpoint", "stage": "prompt", "step": 8, "file": "checkpoints/a"});
    let command = json!({"event": "command", "command": "pause", "stage": null, "step": 1});
    let lines = [
        step("prompt", 8),
        evaluation(8, "val", 0.5),
        checkpoint,
        command,
        json!({"event": "log", "text": "a"}),
    ];
    let mut damaged = vec![
        json!({"event": "unknown"}),
        json!({"text": "no event"}),
        json!({"event": 7}),
    ];
    for line in &lines {
        for key in line.as_object().ok_or("no object")?.keys() {
            for value in [Value::Null, json!("x"), json!(-1.5), json!([1]), json!({"a": []})] {
                let mut changed = line.clone();
                changed[key] = value;
                damaged.push(changed);
            }
            let mut less = line.clone();
            less.as_object_mut().ok_or("no object")?.remove(key);
            damaged.push(less);
        }
    }
    let mut unreadable = 0;
    for (number, line) in damaged.iter().enumerate() {
        let folder = session(
            root.path(),
            &format!("run-{number}"),
            &[start(), line.clone(), ended("done")],
        )?;
        let summary = summarise_session(&folder);
        match crate::session::read_journal(&folder.journal()) {
            Ok(_) => assert_ne!(summary.state, SessionState::Unreadable, "{line}: {:?}", summary.problem),
            Err(error) => {
                unreadable += 1;
                assert_eq!(summary.state, SessionState::Unreadable, "{line}");
                assert_eq!(summary.problem.as_deref(), Some(error.to_string().as_str()));
                assert!(error.to_string().contains("line 2"), "{error}");
            }
        }
    }
    assert!(unreadable > 60, "{unreadable} of {}", damaged.len());
    Ok(())
}
