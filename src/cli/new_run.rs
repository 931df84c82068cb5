//! Runs started from the workbench's form: the fields' initial values, the checks of their values, and the start.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crossbeam_channel::{Receiver, bounded};

use super::detach;
use super::failure::Failure;
use super::train;
use crate::config::{self, ConfigFile, Settings, Sources, refusal};
use crate::data::{self, DataError, classes};
use crate::session::{Stage, check_name};
use crate::tui::Field;
use crate::vlm::hub;

/// What a field of the form sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// A key of config.yaml.
    Setting(&'static str),
    /// `--stage`
    Stage,
    /// `--device`
    Device,
    /// `--init-aspects`
    InitAspects,
}

const SESSION: Says = Says::Setting("session.name");
const DATA: Says = Says::Setting("data.root");
const DATASET: Says = Says::Setting("data.dataname");
const MODEL: Says = Says::Setting("model.path");

/// The fields: the label, what it sets, and what an empty value means.
const FIELDS: [(&str, Says, &str); 14] = [
    ("session", SESSION, "named by the date"),
    ("data folder", DATA, ""),
    ("dataset", DATASET, "detected"),
    ("model", MODEL, "the embedded tiny one"),
    ("stage", Says::Stage, ""),
    ("aspects from", Says::InitAspects, "none; a file, for stage 2 alone"),
    (
        "epochs, stage 1",
        Says::Setting("train.aspects.epochs"),
        "as train.epochs",
    ),
    (
        "epochs, stage 2",
        Says::Setting("train.prompt.epochs"),
        "as train.epochs",
    ),
    (
        "max steps",
        Says::Setting("train.max_steps"),
        "as many as the epochs have",
    ),
    (
        "rate, stage 1",
        Says::Setting("train.aspects.learning_rate"),
        "as train.learning_rate",
    ),
    (
        "rate, stage 2",
        Says::Setting("train.prompt.learning_rate"),
        "as train.learning_rate",
    ),
    ("batch size", Says::Setting("train.batch_size"), ""),
    ("seed", Says::Setting("train.seed"), ""),
    ("device", Says::Device, ""),
];

/// The command line's side of the workbench's form.
#[derive(Debug)]
pub struct NewRun {
    sources: Sources,
    /// The form's initial values: a field that was not changed is left to the settings.
    begun: Vec<String>,
}

impl NewRun {
    /// Runs with these settings; the form's values override them.
    pub const fn new(sources: Sources) -> Self {
        Self {
            sources,
            begun: Vec::new(),
        }
    }

    /// The fields, with the settings that `masp train` would have in this folder.
    ///
    /// # Errors
    /// Where the settings are wrong.
    pub fn fields(&mut self) -> Result<Vec<Field>, String> {
        let settings = config::load(self.sources.clone()).map_err(|error| error.to_string())?;
        let fields = FIELDS.map(|(name, says, empty)| begin(&settings.settings, name, says, empty));
        self.begun = fields.iter().map(|field| field.value.clone()).collect();
        Ok(fields.to_vec())
    }

    /// What is wrong with each value.
    pub fn check(&self, values: &[String]) -> Vec<Option<String>> {
        let filled = Filled::new(&self.begun, values);
        let mut problems = vec![None; FIELDS.len()];
        for (place, key, value) in filled.changed() {
            problems[place] = refusal(key, value);
        }
        // A wrong field takes its initial value here, so that the other fields can still be checked.
        let kept = |keeps: &dyn Fn(usize) -> bool| -> Vec<String> {
            let pairs = self.begun.iter().zip(values).enumerate();
            pairs
                .map(|(place, (begun, value))| if keeps(place) { value } else { begun }.clone())
                .collect()
        };
        let right = kept(&|place| problems[place].is_none());
        let loaded = self.settings(&Filled::new(&self.begun, &right));
        // Check the folders and names even where the settings contradict one another.
        let named = |place: usize| [SESSION, DATA, DATASET, MODEL].contains(&FIELDS[place].1);
        let names = kept(&|place| problems[place].is_none() && named(place));
        let (settings, contradiction) = match loaded {
            Ok(settings) => (Ok(settings), None),
            Err(reason) => (self.settings(&Filled::new(&self.begun, &names)), Some(reason)),
        };
        if let Ok(settings) = settings {
            for (place, (_, says, _)) in FIELDS.into_iter().enumerate() {
                if problems[place].is_none() {
                    problems[place] = misfit(&settings, &filled, says);
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
        let filled = Filled::new(&self.begun, values);
        let settings = self.settings(&filled)?;
        let failed = |failure: Failure| failure.to_string();
        let folder = train::folder(&settings, false).map_err(failed)?;
        let arguments = self.arguments(&filled, folder.name());
        let (say, started) = bounded(1);
        let begin = move || match detach::launch(&folder, &arguments) {
            Ok(mut child) => {
                // Nobody receives this if the user left the screens; the run goes on.
                let _ = say.send(Ok(folder.path().to_owned()));
                drop(child.wait());
            }
            Err(failure) => {
                if let Ok(lock) = folder.lock() {
                    folder.remove_unbegun(lock);
                }
                let _ = say.send(Err(failed(failure)));
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
        for (flag, says) in [("--stage", Says::Stage), ("--device", Says::Device)] {
            arguments.extend([flag.into(), filled.value(says).into()]);
        }
        let aspects = filled.value(Says::InitAspects);
        if !aspects.is_empty() {
            arguments.extend(["--init-aspects".into(), aspects.into()]);
        }
        arguments
    }
}

/// The form's values, with its initial values.
struct Filled<'a> {
    begun: &'a [String],
    values: &'a [String],
}

impl<'a> Filled<'a> {
    const fn new(begun: &'a [String], values: &'a [String]) -> Self {
        Self { begun, values }
    }

    fn value(&self, says: Says) -> &'a str {
        let place = FIELDS.iter().position(|(_, other, _)| *other == says);
        place
            .and_then(|place| self.values.get(place))
            .map_or("", String::as_str)
    }

    /// The settings that were changed: the field's place, its key, its value.
    fn changed(&self) -> impl Iterator<Item = (usize, &'static str, &'a str)> + '_ {
        let fields = FIELDS.into_iter().enumerate().zip(self.begun.iter().zip(self.values));
        fields.filter_map(|((place, (_, says, _)), (begun, value))| match says {
            Says::Setting(key) if begun != value => Some((place, key, value.as_str())),
            _ => None,
        })
    }

    /// What was typed into a field, if it is not what the field began with.
    fn typed(&self, says: Says) -> Option<&'a str> {
        let place = FIELDS.iter().position(|(_, other, _)| *other == says)?;
        let (begun, value) = (self.begun.get(place)?, self.values.get(place)?);
        (begun != value && !value.is_empty()).then_some(value.as_str())
    }

    fn sets(&self) -> impl Iterator<Item = String> + '_ {
        self.changed().map(|(_, key, value)| format!("{key}={value}"))
    }

    fn stages(&self) -> &'static [Stage] {
        match self.value(Says::Stage) {
            "aspects" => &[Stage::Aspects],
            "prompt" => &[Stage::Prompt],
            _ => &[Stage::Aspects, Stage::Prompt],
        }
    }
}

/// A field whose initial value comes from the settings.
fn begin(settings: &Settings, name: &'static str, says: Says, empty: &'static str) -> Field {
    let [aspects, prompt] = [Stage::Aspects, Stage::Prompt].map(|stage| settings.train.stage(stage));
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let steps = |steps: Option<u64>| steps.map(|steps| steps.to_string()).unwrap_or_default();
    // One field for both stages.
    let both = |a: String, b: String| {
        if a == b {
            (a, empty)
        } else {
            (String::new(), "another for each stage")
        }
    };
    let (value, empty) = match says {
        Says::Stage => ("both".to_owned(), empty),
        Says::Device => ("auto".to_owned(), empty),
        Says::InitAspects => (String::new(), empty),
        Says::Setting(key) => match key {
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
    let choices: &'static [&'static str] = match says {
        Says::Stage => &["both", "aspects", "prompt"],
        Says::Device => &["auto", "cpu", "cuda"],
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
fn misfit(settings: &Settings, filled: &Filled, says: Says) -> Option<String> {
    let aspects = filled.value(Says::InitAspects);
    let (views, stages) = (&settings.aspects.views, filled.stages());
    let problem = match says {
        SESSION => return misnamed(settings),
        DATA => match &settings.data.root {
            None => "name the dataset's folder",
            Some(root) if !root.is_dir() => "there is no such folder",
            Some(root) => return no_dataset(root, settings),
        },
        DATASET => {
            let unknown = filled.typed(DATASET).and_then(unknown_dataset);
            return unknown.or_else(|| misnamed_dataset(settings));
        }
        MODEL => match &settings.model.path {
            Some(model) if !Path::new(model).is_dir() && !hub::is_hub_id(model) => "neither a folder nor a hub id",
            _ => return None,
        },
        Says::Stage if views.is_empty() && stages.contains(&Stage::Aspects) => {
            "aspects.views is empty; prompt is what can be trained"
        }
        Says::InitAspects if !aspects.is_empty() && !Path::new(aspects).is_file() => "there is no such file",
        Says::InitAspects if aspects.is_empty() && !views.is_empty() && stages == [Stage::Prompt] => {
            "stage 2 needs aspect modules; name their file"
        }
        Says::Device if filled.value(says) == "cuda" && !cfg!(feature = "cuda") => "this program was built without it",
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
    Some(format!("no known dataset; is {nearest} meant? Empty: detected"))
}

/// Why a run could not read the folder. None if it could with another dataset name: then the name is wrong, not the folder.
fn no_dataset(root: &Path, settings: &Settings) -> Option<String> {
    let error = data::recognise(root, settings.data.dataname.as_deref()).err()?;
    if misnamed_dataset(settings).is_some() {
        return None;
    }
    Some(match error {
        // The form has no room for the list of all layouts.
        DataError::UnknownLayout { near, .. } => {
            format!(
                "no dataset that is known here; {}",
                near.replace("point --data at", "point this at")
            )
        }
        error => error.to_string(),
    })
}

/// A message that says which dataset the folder holds, if it is not the named one. An unknown name fits any folder.
fn misnamed_dataset(settings: &Settings) -> Option<String> {
    let (root, name) = (settings.data.root.as_ref()?, settings.data.dataname.as_deref()?);
    let known = classes::by_name(name)?;
    if data::recognise(root, Some(name)).is_ok() {
        return None;
    }
    let layout = data::recognise(root, None).ok()?;
    Some(format!(
        "the data folder is not laid out as {} is but as {layout}; empty: detected",
        known.name
    ))
}

fn misnamed(settings: &Settings) -> Option<String> {
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
