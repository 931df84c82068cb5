//! What the screens ask of the rest of the program: models, exports, removals and new runs.

use std::path::{Path, PathBuf};

use crossbeam_channel::{Receiver, bounded};

use super::args::{CheckpointArgs, CheckpointChoice, SessionSpec};
use super::chosen_model::ChosenModel;
use super::failure::Failure;
use super::new_run::{self, NewRun};
use super::recorded_session::as_argument;
use crate::config::Sources;
use crate::engine::{DeviceChoice, study};
use crate::export::{self, Asked, ExportError, Source, What};
use crate::printable::printable_path;
use crate::session::{ImageResult, Origin, SessionFolder, Stage, Study};
use crate::tui::{ENTER_REPLACES, Field, Host};

/// The command line's answers to the screens.
#[derive(Debug)]
pub struct WorkbenchHost {
    /// The command line's settings, which override those that a session recorded.
    pub sources: Sources,
    pub new_run: NewRun,
}

impl Host for WorkbenchHost {
    fn study(&mut self, session: &Path, step: Option<u64>) -> Result<Study, String> {
        let (sources, session) = (self.sources.clone(), session.to_owned());
        // This runs on a thread of its own, because reading a long journal takes a while.
        let subject = move || {
            let spec = SessionSpec {
                session: session.display().to_string(),
                checkpoint: step.map_or_else(CheckpointChoice::default, CheckpointChoice::Step),
            };
            let chosen = ChosenModel::trained(sources, DeviceChoice::Auto, Some(&spec), &CheckpointArgs::default());
            let mut chosen = chosen.map_err(|error| error.to_string())?;
            chosen.find_images(|_, _| ()).map_err(|error| error.to_string())?;
            Ok(study::Subject {
                at: chosen.checkpoint.unwrap_or((Stage::Aspects, 0)),
                settings: chosen.settings,
                device: chosen.device,
                parts: chosen.parts,
            })
        };
        study::start(subject).map_err(|error| error.to_string())
    }

    fn remove(&mut self, session: &Path) -> Result<(), String> {
        remove(session).map_err(|error| error.to_string())
    }

    fn export(
        &mut self,
        session: &Path,
        to: &Path,
        replace: bool,
    ) -> Result<Receiver<Result<PathBuf, String>>, String> {
        let what = What::of_file(to).ok_or(
            "the file's name says what to write: .html, .csv, .jsonl, .svg, .pdf, .png, .md, .tex, .npz, or a word as in \
             confusion.svg",
        )?;
        let folder = SessionFolder::at(session).ok_or("the session's folder no longer exists")?;
        let to = usable(to, replace)?;
        in_background(move || {
            Source::read(&folder).and_then(|source| export::export(&source, what, &Asked::default(), &to))
        })
    }

    fn export_rows(
        &mut self,
        rows: Vec<ImageResult>,
        origin: Origin,
        to: &Path,
        replace: bool,
    ) -> Result<Receiver<Result<PathBuf, String>>, String> {
        if !matches!(export::ending(to).as_str(), "csv" | "jsonl") {
            return Err("the file's extension says what to write; use .csv or .jsonl".to_owned());
        }
        let to = usable(to, replace)?;
        in_background(move || export::export_rows(&rows, &origin, &to))
    }

    fn new_run(&mut self, like: Option<&Path>) -> Result<Vec<Field>, String> {
        self.new_run.fields(like)
    }

    fn check_run(&mut self, values: &[String]) -> Vec<Option<String>> {
        self.new_run.check(values)
    }

    fn start_run(&mut self, values: &[String]) -> Result<Receiver<Result<PathBuf, String>>, String> {
        self.new_run.start(values)
    }

    fn resume(&mut self, session: &Path) -> Result<Receiver<Result<PathBuf, String>>, String> {
        let folder = SessionFolder::at(session).ok_or("the session's folder no longer exists")?;
        new_run::resume(folder)
    }
}

/// The path, if nothing exists there yet or the file there is to be replaced.
fn usable(to: &Path, replace: bool) -> Result<PathBuf, String> {
    let name = printable_path(to);
    match to.symlink_metadata() {
        Ok(there) if there.is_file() && !replace => Err(format!("{name} exists; {ENTER_REPLACES}")),
        // A link, which may lead nowhere, a folder, a device: never replaced.
        Ok(there) if !there.is_file() => Err(format!("{name} exists and is no file; name another")),
        _ => Ok(to.to_owned()),
    }
}

/// Runs `work` on a thread of its own. The receiver gets the path that it wrote, or the error.
fn in_background(
    work: impl FnOnce() -> Result<PathBuf, ExportError> + Send + 'static,
) -> Result<Receiver<Result<PathBuf, String>>, String> {
    let (sender, receiver) = bounded(1);
    let work = move || {
        // The receiver may be gone.
        let _ = sender.send(work().map_err(|error| error.to_string()));
    };
    let thread = std::thread::Builder::new().name("export".to_owned()).spawn(work);
    thread.map_err(|error| format!("cannot start a thread: {error}"))?;
    Ok(receiver)
}

/// Removes a session; the screens have already asked the user.
fn remove(session: &Path) -> Result<(), Failure> {
    super::sessions::remove(Path::new(""), &as_argument(session))
}
