//! Losses that are not finite, pictures that vanish or change, folders that cannot be written: each ends in a defined
//! state with an error message.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Child;

use masp::aspects::aspect_file::{read_aspects, write_aspects};
use masp::aspects::checkpoint::Checkpoint;
use masp::session::{RunState, Warning, each_record};
use rustix::process::Signal;

use super::disk::SmallDisk;
use super::{command, journal, signal, tell, train, wait_for_text, wait_until, workplace};
use crate::cli::stdout;

/// Starts `masp train` without a screen; `settings` override the usual ones.
fn start(folder: &Path, session: &str, settings: &[&str]) -> Child {
    let mut command = command(folder);
    command.args(train(session, &["--headless"]));
    for set in settings {
        command.args(["--set", set]);
    }
    command.spawn().unwrap()
}

fn state(folder: &Path, session: &str) -> RunState {
    let mut state = RunState::default();
    each_record(&journal(folder, session), |record| state.apply(&record)).unwrap();
    state
}

/// Writes `huge.safetensors`: the modules of a short run with queries and weights so large that the loss overflows.
fn huge(folder: &Path) {
    let arguments = ["--headless", "--stage", "aspects", "--save-ckpt", "small.safetensors"];
    stdout(&command(folder).args(train("small", &arguments)).output().unwrap());
    let mut file = read_aspects(&folder.join("small.safetensors")).unwrap();
    for view in file.views.values_mut() {
        view.query.data.fill(1e30);
        view.in_proj_weight.data.fill(1e30);
    }
    let meta = Checkpoint::load_meta(&folder.join("small.safetensors"))
        .unwrap()
        .unwrap();
    write_aspects(&folder.join("huge.safetensors"), &file, &meta).unwrap();
}

fn said(journal: &Path, word: &str) -> usize {
    fs::read_to_string(journal).unwrap_or_default().matches(word).count()
}

#[test]
fn a_non_finite_step_pauses_the_run_unchanged_and_names_sample_and_aspect() {
    let folder = workplace();
    let folder = folder.path();
    // The parameters are finite, but so large that the loss overflows.
    let child = {
        huge(folder);
        let mut command = command(folder);
        command.args(train("hot", &["--headless", "--init-aspects", "huge.safetensors"]));
        command.args(["--set", "train.on_nan=pause"]);
        command.spawn().unwrap()
    };
    let journal = journal(folder, "hot");
    wait_for_text(&journal, "\"command\":\"pause\"");
    let first = state(folder, "hot");
    let unwell = |(_, warning): &&(_, Warning)| warning.text.contains("is not finite");
    let (_, warning) = first.warnings.iter().find(unwell).unwrap();
    let step = warning.step.unwrap();
    assert!(
        warning.text.contains("caused by image/") && warning.text.contains(".png ("),
        "{}",
        warning.text
    );
    let steps = |state: &RunState| state.stages.values().map(|stage| stage.steps.len()).sum::<usize>();
    assert_eq!(steps(&first) as u64, step - 1, "nothing was learnt from the step");

    // When it is resumed, it skips the step; the next one is not finite either.
    tell(folder, "{\"command\":\"resume\"}");
    wait_until("a second pause", || said(&journal, "\"command\":\"pause\"") == 2);
    let second = state(folder, "hot");
    let left_out = second
        .stages
        .values()
        .flat_map(|stage| &stage.steps)
        .find(|point| point.step == step);
    assert!(left_out.unwrap().loss.is_nan());
    signal(&child, Signal::TERM);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let last = state(folder, "hot").checkpoints.last().unwrap().file.clone();
    let kept = Checkpoint::load(&folder.join("sessions/hot").join(last)).unwrap();
    assert!(
        kept.tensors
            .values()
            .flat_map(|tensor| &tensor.data)
            .all(|value| value.is_finite())
    );
}

#[test]
fn missing_and_changed_pictures_are_skipped_with_a_warning() {
    let folder = workplace();
    let folder = folder.path();
    // Without a cache, each picture is read again each time.
    let mut child = start(folder, "robbed", &["data.cache_mb=0"]);
    let journal = journal(folder, "robbed");
    wait_for_text(&journal, "\"event\":\"step\"");
    for (place, picture) in pictures(&folder.join("drawn")).iter().enumerate() {
        match place % 3 {
            0 => fs::remove_file(picture).unwrap(),
            1 => fs::write(picture, b"no picture any more").unwrap(),
            _ => {}
        }
    }
    assert!(child.wait().unwrap().success());
    let state = state(folder, "robbed");
    assert_eq!(state.ended.as_ref().unwrap().reason, "done");
    let about = |word: &str| {
        let left_out = |(_, told): &(_, Warning)| told.text.contains("was left out") && told.text.contains(word);
        state.warnings.iter().any(left_out)
    };
    assert!(about("No such file"), "{:?}", state.warnings);
    assert!(about("png"), "{:?}", state.warnings);
}

pub fn pictures(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "png") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_folder_that_cannot_be_written_ends_the_run_before_it_begins() {
    let folder = workplace();
    let folder = folder.path();
    let sessions = folder.join("sessions");
    let _mounted = SmallDisk::mount(&sessions, "size=1m,ro");
    fs::set_permissions(&sessions, fs::Permissions::from_mode(0o555)).ok();
    if fs::create_dir(sessions.join("probe")).is_ok() {
        println!("skipped: this user may write anywhere, and nothing can be mounted");
        return;
    }
    let output = start(folder, "nowhere", &[]).wait_with_output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(
        words.contains("sessions") && (words.contains("Read-only") || words.contains("denied")),
        "{words}"
    );
    assert!(!words.contains("panicked"), "{words}");
}
