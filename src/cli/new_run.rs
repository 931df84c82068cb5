//! Runs started from the workbench: the form for a new one, the checks of its values, the start, and going on with an old one.

mod form;
mod problems;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crossbeam_channel::{Receiver, bounded};

use super::detach;
use super::failure::Failure;
use super::recorded_session::{RecordedSession, as_argument};
use super::run_folder::run_folder;
use crate::config::{self, ConfigFile, Settings, Sources, refusal};
use crate::session::{SessionFolder, trained_stages};
use crate::tui::Field;
use form::{DATA, DATASET, FIELDS, Filled, MODEL, SESSION, Target, field};
use problems::field_problem;

/// Answers the workbench's form for a new run.
#[derive(Debug)]
pub struct NewRun {
    sources: Sources,
    /// The session whose settings the run begins with.
    like: Option<RecordedSession>,
    /// The form's initial values. A field that was not changed is not passed on: the settings supply it.
    initial: Vec<String>,
}

impl NewRun {
    /// A form over these settings, which its values override.
    pub const fn new(sources: Sources) -> Self {
        Self {
            sources,
            like: None,
            initial: Vec::new(),
        }
    }

    /// The fields, with the settings of the session in a folder, or those that `masp train` would have here.
    ///
    /// # Errors
    /// Where the settings are wrong, or the session has not recorded its own.
    pub fn fields(&mut self, like: Option<&Path>) -> Result<Vec<Field>, String> {
        let read = |path| RecordedSession::named(&self.sources, &as_argument(path));
        self.like = like.map(read).transpose().map_err(|failure| failure.to_string())?;
        let settings = config::load(self.sources()).map_err(|error| error.to_string())?;
        let stages = match &self.like {
            Some(like) => trained_stages(&like.folder.journal()).map_err(|error| error.to_string())?,
            None => Vec::new(),
        };
        let mut fields = FIELDS.map(|(name, target, empty)| field(&settings.settings, name, target, empty));
        if let &[stage] = stages.as_slice() {
            let of_stage = |(_, target, _): &(_, Target, _)| *target == Target::Stage;
            if let Some(place) = FIELDS.iter().position(of_stage) {
                stage.name().clone_into(&mut fields[place].value);
            }
        }
        self.initial = fields.iter().map(|field| field.value.clone()).collect();
        Ok(fields.to_vec())
    }

    fn sources(&self) -> Sources {
        Sources {
            record: self.like.as_ref().and_then(RecordedSession::settings_for_another),
            ..self.sources.clone()
        }
    }

    /// What is wrong with each value.
    pub fn check(&self, values: &[String]) -> Vec<Option<String>> {
        let filled = Filled::new(&self.initial, values);
        let mut problems = vec![None; FIELDS.len()];
        for (place, key, value) in filled.changed() {
            problems[place] = refusal(key, value);
        }
        // A wrong field takes its initial value here, so that the other fields can still be checked.
        let kept = |keeps: &dyn Fn(usize) -> bool| -> Vec<String> {
            let pairs = self.initial.iter().zip(values).enumerate();
            pairs
                .map(|(place, (initial, value))| if keeps(place) { value } else { initial }.clone())
                .collect()
        };
        let right = kept(&|place| problems[place].is_none());
        let loaded = self.settings(&Filled::new(&self.initial, &right));
        // Check the folders and names even where the settings contradict one another.
        let named = |place: usize| [SESSION, DATA, DATASET, MODEL].contains(&FIELDS[place].1);
        let names = kept(&|place| problems[place].is_none() && named(place));
        let (settings, contradiction) = match loaded {
            Ok(settings) => (Ok(settings), None),
            Err(reason) => (self.settings(&Filled::new(&self.initial, &names)), Some(reason)),
        };
        // The run draws them again before it begins.
        let to_be_drawn =
            filled.typed(DATA).is_none() && self.like.as_ref().is_some_and(RecordedSession::misses_images);
        if let Ok(settings) = settings {
            for (place, (_, target, _)) in FIELDS.into_iter().enumerate() {
                if problems[place].is_none() && !(to_be_drawn && target == DATA) {
                    problems[place] = field_problem(&settings, &filled, target);
                }
            }
        }
        if let (None, Some(reason)) = (&problems[0], contradiction) {
            problems[0] = Some(reason);
        }
        problems
    }

    /// Starts the run as `masp train --detach` does. The receiver gets the session's folder once the run is started, or the
    /// error.
    ///
    /// # Errors
    /// Where the settings are wrong or the session's folder cannot be made.
    pub fn start(&self, values: &[String]) -> Result<Receiver<Result<PathBuf, String>>, String> {
        let filled = Filled::new(&self.initial, values);
        let settings = self.settings(&filled)?;
        let failed = |failure: Failure| failure.to_string();
        let folder = run_folder(&settings, false).map_err(failed)?;
        let arguments = self.arguments(&filled, folder.name());
        launch(folder, arguments)
    }

    fn settings(&self, filled: &Filled) -> Result<Settings, String> {
        let mut sources = self.sources();
        sources.set.extend(filled.sets());
        let loaded = config::load(sources).map_err(|error| error.to_string())?;
        Ok(loaded.settings)
    }

    /// The command line of the run on `session`, whose folder exists by now.
    fn arguments(&self, filled: &Filled, session: &str) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = ["train", "--session", session, "--resume", "--headless"]
            .map(OsString::from)
            .to_vec();
        if let ConfigFile::Named(path) = &self.sources.config {
            arguments.extend(["--config".into(), path.into()]);
        }
        if let Some(like) = &self.like {
            arguments.extend(["--like".into(), as_argument(like.folder.path()).into()]);
        }
        for set in self.sources.set.iter().cloned().chain(filled.sets()) {
            arguments.extend(["--set".into(), set.into()]);
        }
        for (flag, target) in [("--stage", Target::Stage), ("--device", Target::Device)] {
            arguments.extend([flag.into(), filled.value(target).into()]);
        }
        let aspects = filled.value(Target::InitAspects);
        if !aspects.is_empty() {
            arguments.extend(["--init-aspects".into(), aspects.into()]);
        }
        arguments
    }
}

/// Goes on with a session's run as `masp train --resume` does, with the settings that it began with. The receiver is as in
/// [`NewRun::start`].
///
/// # Errors
/// Where no thread can be started.
pub fn resume(folder: SessionFolder) -> Result<Receiver<Result<PathBuf, String>>, String> {
    let root = folder.path().parent().unwrap_or(Path::new("."));
    // A path is no YAML: quoted as JSON, it is.
    let root = serde_json::to_string(root).map_err(|_| "its path is no text".to_owned())?;
    let arguments = [
        "train".into(),
        "--resume".into(),
        "--headless".into(),
        "--session".into(),
        folder.name().into(),
        "--set".into(),
        format!("session.root={root}").into(),
    ];
    launch(folder, arguments.to_vec())
}

/// Starts the command in the background. A folder in which nothing has begun is removed again.
fn launch(folder: SessionFolder, arguments: Vec<OsString>) -> Result<Receiver<Result<PathBuf, String>>, String> {
    let (sender, started) = bounded(1);
    let begin = move || match detach::launch(&folder, &arguments) {
        Ok(child) => {
            // Nobody receives this if the user left the screens; the run goes on.
            let _ = sender.send(Ok(folder.path().to_owned()));
            drop(child.wait());
        }
        Err(failure) => {
            if let Ok(lock) = folder.lock() {
                folder.remove_unbegun(lock);
            }
            let _ = sender.send(Err(failure.to_string()));
        }
    };
    let thread = std::thread::Builder::new().name("start".to_owned()).spawn(begin);
    thread.map_err(|error| format!("cannot start a thread: {error}"))?;
    Ok(started)
}
