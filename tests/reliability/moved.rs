//! A session's folder that is moved during its run, and another session that takes its name.

use std::fs;

use masp::session::{RunState, each_record};

use super::{command, train, wait_until, workplace};

#[test]
fn a_run_whose_folder_is_moved_ends_with_a_checkpoint_in_the_moved_folder() {
    let folder = workplace();
    let folder = folder.path();
    let sessions = folder.join("sessions");
    let mut arguments = train("a", &["--headless"]);
    let place = arguments.iter().position(|word| word == "--max-steps").unwrap();
    // More steps than the test takes.
    arguments[place + 1] = "4000".to_owned();
    let child = command(folder).args(arguments).spawn().unwrap();
    let checkpoints = |name: &str| fs::read_dir(sessions.join(name).join("checkpoints")).map_or(0, Iterator::count);
    wait_until("a checkpoint", || checkpoints("a") > 0);
    fs::rename(sessions.join("a"), sessions.join("b")).unwrap();
    // Another session's folder with that name.
    masp::session::SessionFolder::create(&sessions, "a").unwrap();

    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("was moved or removed"), "{said}");
    for part in ["checkpoints", "samples", "predictions", "thumbnails"] {
        assert_eq!(
            fs::read_dir(sessions.join("a").join(part)).unwrap().count(),
            0,
            "{part}"
        );
    }
    let mut state = RunState::default();
    each_record(&sessions.join("b/journal.jsonl"), |record| state.apply(&record)).unwrap();
    let (saved, step) = (
        state.checkpoints.last().unwrap(),
        state.stages[&state.checkpoints.last().unwrap().stage].steps.last(),
    );
    assert_eq!(
        Some(saved.step),
        step.map(|step| step.step),
        "all that was learnt is kept"
    );
    assert!(sessions.join("b").join(&saved.file).is_file());
    assert!(state.ended.unwrap().reason.contains("was moved"));
}
