use std::error::Error;

use super::*;
use crate::session::{JournalWriter, Resumed, SavedCheckpoint, journal::tests::start};

type Outcome = Result<(), Box<dyn Error>>;

const KEEP: Keep = Keep { last: 2, best: 1 };

fn saved(session: &SessionFolder, stage: Stage, step: u64, best: bool) -> io::Result<Event> {
    let path = session.checkpoints().join(checkpoint_name(stage, step));
    fs::write(&path, "parameters")?;
    let file = session.relative(&path);
    Ok(Event::Checkpoint(SavedCheckpoint {
        stage,
        step,
        file,
        best,
    }))
}

/// Aspects 120 (best); prompt 200, 400 (best), 600.
fn trained() -> Result<(tempfile::TempDir, SessionFolder, JournalWriter), Box<dyn Error>> {
    let root = tempfile::tempdir()?;
    let session = SessionFolder::create(root.path(), "run")?;
    let mut journal = JournalWriter::open(&session.journal())?;
    journal.append(start(1))?;
    journal.append(saved(&session, Stage::Aspects, 120, true)?)?;
    for (step, best) in [(200, false), (400, true), (600, false)] {
        journal.append(saved(&session, Stage::Prompt, step, best)?)?;
    }
    fs::write(session.checkpoints().join("prompt-600.safetensors"), "no name of ours")?;
    Ok((root, session, journal))
}

fn names(checkpoints: &Checkpoints) -> Vec<String> {
    checkpoints.files().map(|file| file.to_string()).collect()
}

fn on_disk(session: &SessionFolder) -> Result<Vec<String>, CheckpointsError> {
    Checkpoints::read(session).map(|checkpoints| names(&checkpoints))
}

#[test]
fn selectors_find_their_files() -> Outcome {
    let (_root, session, _journal) = trained()?;
    let checkpoints = Checkpoints::read(&session)?;
    assert_eq!(
        names(&checkpoints),
        ["aspects@120", "prompt@200", "prompt@400", "prompt@600"]
    );
    let find = |selector, stage| {
        checkpoints
            .find(selector, stage)
            .map(|file| (file.to_string(), file.path.is_file()))
    };
    let found = |name: &str| (name.to_owned(), true);
    assert_eq!(find(Selector::Last, None)?, found("prompt@600"));
    assert_eq!(find(Selector::Best, None)?, found("prompt@400"));
    assert_eq!(find(Selector::Step(200), None)?, found("prompt@200"));
    assert_eq!(find(Selector::Step(120), None)?, found("aspects@120"));
    assert_eq!(find(Selector::Last, Some(Stage::Aspects))?, found("aspects@120"));
    assert_eq!(find(Selector::Best, Some(Stage::Aspects))?, found("aspects@120"));
    let error = find(Selector::Step(120), Some(Stage::Prompt))
        .err()
        .ok_or("found")?
        .to_string();
    assert!(
        error.ends_with(
            "has no checkpoint @120 of stage prompt; it has aspects@120, prompt@200, prompt@400, prompt@600"
        ),
        "{error}"
    );
    Ok(())
}

#[test]
fn pruning_keeps_the_last_the_best_and_the_other_stage() -> Outcome {
    let (_root, session, mut journal) = trained()?;
    let mut checkpoints = Checkpoints::read(&session)?;
    let refused = checkpoints.prune(&session, (Stage::Prompt, 800), KEEP);
    assert!(matches!(refused, Err(CheckpointsError::NotSafe(_))));
    let record = journal.append(saved(&session, Stage::Prompt, 800, false)?)?;
    checkpoints.apply(&record.event);
    let removed = checkpoints.prune(&session, (Stage::Prompt, 800), KEEP)?;
    assert_eq!(removed, [session.checkpoints().join("prompt-000200.safetensors")]);
    let stay = ["aspects@120", "prompt@400", "prompt@600", "prompt@800"];
    assert_eq!(
        (names(&checkpoints), on_disk(&session)?),
        (stay.map(String::from).into(), stay.map(String::from).into())
    );
    checkpoints.prune(&session, (Stage::Prompt, 800), Keep { last: 0, best: 0 })?;
    assert_eq!(on_disk(&session)?, ["aspects@120", "prompt@800"]);
    Ok(())
}

#[test]
fn a_resume_forgets_later_checkpoints_and_pruning_removes_them() -> Outcome {
    let (_root, session, mut journal) = trained()?;
    journal.append(Event::Resumed(Resumed {
        stage: Stage::Prompt,
        from_step: 200,
        plan: vec![],
    }))?;
    // Renamed, but its writer died before the event.
    saved(&session, Stage::Prompt, 300, false)?;
    let mut checkpoints = Checkpoints::read(&session)?;
    assert_eq!(names(&checkpoints), ["aspects@120", "prompt@200", "prompt@300"]);
    let best = checkpoints.find(Selector::Best, Some(Stage::Prompt));
    assert!(matches!(best, Err(CheckpointsError::NotFound { .. })));
    let removed = checkpoints.prune(&session, (Stage::Prompt, 300), KEEP)?;
    let gone = ["prompt-000400.safetensors", "prompt-000600.safetensors"];
    assert_eq!(removed, gone.map(|name| session.checkpoints().join(name)));
    Ok(())
}

#[test]
fn entries_that_are_not_files_are_not_checkpoints() -> Outcome {
    let (_root, session, _journal) = trained()?;
    let (pipe, folder) = (checkpoint_name(Stage::Prompt, 800), checkpoint_name(Stage::Prompt, 900));
    crate::hostile::make_pipe(&session.checkpoints().join(&pipe));
    fs::create_dir(session.checkpoints().join(&folder))?;
    let mut checkpoints = Checkpoints::read(&session)?;
    assert_eq!(checkpoints.find(Selector::Last, None)?.to_string(), "prompt@600");
    let mut not_files: Vec<_> = checkpoints.not_files().filter_map(Path::file_name).collect();
    not_files.sort_unstable();
    assert_eq!(not_files, [pipe.as_str(), folder.as_str()]);
    checkpoints.prune(&session, (Stage::Prompt, 600), KEEP)?;
    assert!(session.checkpoints().join(folder).is_dir());
    Ok(())
}
