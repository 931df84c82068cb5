//! Runs started from the workbench's form: the fields' initial values, the checks of their values, and the start.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crossbeam_channel::{Receiver, bounded};

use super::detach;
use super::failure::Failure;
use super::run_folder::run_folder;
use crate::config::{self, ConfigFile, Settings, Sources, refusal};
use crate::data::{self, DataError, classes};
use crate::session::{Stage, check_name};
use crate::tui::Field;
use crate::vlm::hub;

/// What a field of the form sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    /// A key of config.yaml.
    Setting(&'static str),
    /// `--stage`
    Stage,
    /// `--device`
    Device,
    /// `--init-aspects`
    InitAspects,
}

const SESSION: Target = Target::Setting("session.name");
const DATA: Target = Target::Setting("data.root");
const DATASET: Target = Target::Setting("data.dataname");
const MODEL: Target = Target::Setting("model.path");

/// The fields: the label, what it sets, and what an empty value means.
const FIELDS: [(&str, Target, &str); 14] = [
    ("session", SESSION, "named by the date"),
    ("data folder", DATA, ""),
    ("dataset", DATASET, "detected"),
    ("model", MODEL, "the embedded tiny model"),
    ("stage", Target::Stage, ""),
    ("aspects from", Target::InitAspects, "none; a file, for stage 2 alone"),
    (
        "epochs, stage 1",
        Target::Setting("train.aspects.epochs"),
        "as train.epochs",
    ),
    (
        "epochs, stage 2",
        Target::Setting("train.prompt.epochs"),
        "as train.epochs",
    ),
    (
        "max steps",
        Target::Setting("train.max_steps"),
        "all steps of the epochs",
    ),
    (
        "rate, stage 1",
        Target::Setting("train.aspects.learning_rate"),
        "as train.learning_rate",
    ),
    (
        "rate, stage 2",
        Target::Setting("train.prompt.learning_rate"),
        "as train.learning_rate",
    ),
    ("batch size", Target::Setting("train.batch_size"), ""),
    ("seed", Target::Setting("train.seed"), ""),
    ("device", Target::Device, ""),
];

/// Answers the workbench's form for a new run.
#[derive(Debug)]
pub struct NewRun {
    sources: Sources,
    /// The form's initial values. A field that was not changed is not passed on: the settings supply it.
    initial: Vec<String>,
}

impl NewRun {
    /// A form over these settings, which its values override.
    pub const fn new(sources: Sources) -> Self {
        Self {
            sources,
            initial: Vec::new(),
        }
    }

    /// The fields, with the settings that `masp train` would have in this folder.
    ///
    /// # Errors
    /// Where the settings are wrong.
    pub fn fields(&mut self) -> Result<Vec<Field>, String> {
        let settings = config::load(self.sources.clone()).map_err(|error| error.to_string())?;
        let fields = FIELDS.map(|(name, target, empty)| field(&settings.settings, name, target, empty));
        self.initial = fields.iter().map(|field| field.value.clone()).collect();
        Ok(fields.to_vec())
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
        if let Ok(settings) = settings {
            for (place, (_, target, _)) in FIELDS.into_iter().enumerate() {
                if problems[place].is_none() {
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
        let (sender, started) = bounded(1);
        let begin = move || match detach::launch(&folder, &arguments) {
            Ok(mut child) => {
                // Nobody receives this if the user left the screens; the run goes on.
                let _ = sender.send(Ok(folder.path().to_owned()));
                drop(child.wait());
            }
            Err(failure) => {
                if let Ok(lock) = folder.lock() {
                    folder.remove_unbegun(lock);
                }
                let _ = sender.send(Err(failed(failure)));
            }
        };
        let thread = std::thread::Builder::new().name("start".to_owned()).spawn(begin);
        thread.map_err(|error| format!("cannot start a thread: {error}"))?;
        Ok(started)
    }

    fn settings(&self, filled: &Filled) -> Result<Settings, String> {
        let mut sources = self.sources.clone();
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

/// The form's values, with its initial values.
struct Filled<'a> {
    initial: &'a [String],
    values: &'a [String],
}

impl<'a> Filled<'a> {
    const fn new(initial: &'a [String], values: &'a [String]) -> Self {
        Self { initial, values }
    }

    fn value(&self, target: Target) -> &'a str {
        let place = FIELDS.iter().position(|(_, other, _)| *other == target);
        place
            .and_then(|place| self.values.get(place))
            .map_or("", String::as_str)
    }

    /// The settings that were changed: the field's place, its key, its value.
    fn changed(&self) -> impl Iterator<Item = (usize, &'static str, &'a str)> + '_ {
        let fields = FIELDS.into_iter().enumerate().zip(self.initial.iter().zip(self.values));
        fields.filter_map(|((place, (_, target, _)), (initial, value))| match target {
            Target::Setting(key) if initial != value => Some((place, key, value.as_str())),
            _ => None,
        })
    }

    /// What was typed into a field, if it is not what the field began with.
    fn typed(&self, target: Target) -> Option<&'a str> {
        let place = FIELDS.iter().position(|(_, other, _)| *other == target)?;
        let (initial, value) = (self.initial.get(place)?, self.values.get(place)?);
        (initial != value && !value.is_empty()).then_some(value.as_str())
    }

    fn sets(&self) -> impl Iterator<Item = String> + '_ {
        self.changed().map(|(_, key, value)| format!("{key}={value}"))
    }

    fn stages(&self) -> &'static [Stage] {
        match self.value(Target::Stage) {
            "aspects" => &[Stage::Aspects],
            "prompt" => &[Stage::Prompt],
            _ => &[Stage::Aspects, Stage::Prompt],
        }
    }
}

/// A field whose initial value comes from the settings.
fn field(settings: &Settings, name: &'static str, target: Target, empty: &'static str) -> Field {
    let [aspects, prompt] = [Stage::Aspects, Stage::Prompt].map(|stage| settings.train.stage(stage));
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let steps = |steps: Option<u64>| steps.map(|steps| steps.to_string()).unwrap_or_default();
    // One field for both stages.
    let both = |a: String, b: String| {
        if a == b {
            (a, empty)
        } else {
            (String::new(), "differs between the stages")
        }
    };
    let (value, empty) = match target {
        Target::Stage => ("both".to_owned(), empty),
        Target::Device => ("auto".to_owned(), empty),
        Target::InitAspects => (String::new(), empty),
        Target::Setting(key) => match key {
            "data.root" => (path(&settings.data.root).unwrap_or_default(), empty),
            "data.dataname" => (settings.data.dataname.clone().unwrap_or_default(), empty),
            "model.path" => (settings.model.path.clone().unwrap_or_default(), empty),
            "train.aspects.epochs" => (aspects.epochs.to_string(), empty),
            "train.prompt.epochs" => (prompt.epochs.to_string(), empty),
            "train.aspects.learning_rate" => (format!("{:e}", aspects.learning_rate), empty),
            "train.prompt.learning_rate" => (format!("{:e}", prompt.learning_rate), empty),
            "train.max_steps" => both(steps(aspects.max_steps), steps(prompt.max_steps)),
            "train.batch_size" => both(aspects.batch_size.to_string(), prompt.batch_size.to_string()),
            "train.seed" => both(aspects.seed.to_string(), prompt.seed.to_string()),
            _ => (settings.session.name.clone().unwrap_or_default(), empty),
        },
    };
    let choices: &'static [&'static str] = match target {
        Target::Stage => &["both", "aspects", "prompt"],
        Target::Device => &["auto", "cpu", "cuda"],
        _ => &[],
    };
    Field {
        name,
        value,
        empty,
        choices,
    }
}

/// Why a run could not begin with these settings, although each one is valid by itself.
fn field_problem(settings: &Settings, filled: &Filled, target: Target) -> Option<String> {
    let aspects = filled.value(Target::InitAspects);
    let (views, stages) = (&settings.aspects.views, filled.stages());
    let problem = match target {
        SESSION => return session_name_problem(settings),
        DATA => match &settings.data.root {
            None => "name the dataset's folder",
            Some(root) if !root.is_dir() => "there is no such folder",
            Some(root) => return data_folder_problem(root, settings),
        },
        DATASET => {
            let unknown = filled.typed(DATASET).and_then(unknown_dataset);
            return unknown.or_else(|| dataset_name_problem(settings));
        }
        MODEL => match &settings.model.path {
            Some(model) if !Path::new(model).is_dir() && !hub::is_hub_id(model) => "neither a folder nor a hub id",
            _ => return None,
        },
        Target::Stage if views.is_empty() && stages.contains(&Stage::Aspects) => {
            "aspects.views is empty, so only prompt can be trained"
        }
        Target::InitAspects if !aspects.is_empty() && !Path::new(aspects).is_file() => "there is no such file",
        Target::InitAspects if aspects.is_empty() && !views.is_empty() && stages == [Stage::Prompt] => {
            "stage 2 needs aspect modules; name their file"
        }
        Target::Device if filled.value(target) == "cuda" && !cfg!(feature = "cuda") => {
            "this program was built without CUDA"
        }
        _ => return None,
    };
    Some(problem.to_owned())
}

/// A message with the nearest known name, if a typed name is not a known dataset's. The user's own names belong in
/// config.yaml, where they are not typed again for every run.
fn unknown_dataset(name: &str) -> Option<String> {
    if classes::by_name(name).is_some() {
        return None;
    }
    let nearest = classes::nearest_name(name);
    Some(format!(
        "no known dataset; did you mean {nearest}? Leave this empty to detect the dataset"
    ))
}

/// Why a run could not read the folder. None if it could with another dataset name: then the name is wrong, not the folder.
fn data_folder_problem(root: &Path, settings: &Settings) -> Option<String> {
    let error = data::recognise(root, settings.data.dataname.as_deref()).err()?;
    if dataset_name_problem(settings).is_some() {
        return None;
    }
    Some(match error {
        // The form has no room for the list of all layouts.
        DataError::UnknownLayout { near, .. } => {
            format!(
                "no known dataset layout; {}",
                near.replace("point --data at", "point this at")
            )
        }
        error => error.to_string(),
    })
}

/// A message that says which dataset the folder holds, if it is not the named one. An unknown name fits any folder.
fn dataset_name_problem(settings: &Settings) -> Option<String> {
    let (root, name) = (settings.data.root.as_ref()?, settings.data.dataname.as_deref()?);
    let known = classes::by_name(name)?;
    if data::recognise(root, Some(name)).is_ok() {
        return None;
    }
    let layout = data::recognise(root, None).ok()?;
    Some(format!(
        "the data folder does not have the layout of {} but of {layout}; leave this empty to detect the dataset",
        known.name
    ))
}

fn session_name_problem(settings: &Settings) -> Option<String> {
    let name = settings.session.name.as_ref()?;
    match check_name(name) {
        Err(error) => Some(error.to_string()),
        Ok(()) if settings.session.root.join(name).exists() => Some("there is a session of this name".to_owned()),
        Ok(()) => None,
    }
}

#[cfg(test)]
#[path = "new_run_tests.rs"]
mod tests;
