//! The fields of the form for a new run, their initial values, and the values that were filled in.

use std::path::PathBuf;

use crate::config::Settings;
use crate::data::classes;
use crate::session::Stage;
use crate::tui::{Completes, Field};

/// What a field of the form sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A key of config.yaml.
    Setting(&'static str),
    /// `--stage`
    Stage,
    /// `--device`
    Device,
    /// `--init-aspects`
    InitAspects,
}

pub const SESSION: Target = Target::Setting("session.name");
pub const DATA: Target = Target::Setting("data.root");
pub const DATASET: Target = Target::Setting("data.dataname");
pub const MODEL: Target = Target::Setting("model.path");

/// The fields: the label, what it sets, and what an empty value means.
pub const FIELDS: [(&str, Target, &str); 14] = [
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

/// A field whose initial value comes from the settings.
pub fn field(settings: &Settings, name: &'static str, target: Target, empty: &'static str) -> Field {
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
    let completes = match target {
        DATA | MODEL | Target::InitAspects => Completes::Path,
        DATASET => Completes::Words(classes::KNOWN.iter().map(|known| known.name.to_owned()).collect()),
        _ => Completes::Nothing,
    };
    Field {
        name,
        value,
        empty,
        choices,
        completes,
    }
}

/// The form's values, with its initial values.
pub struct Filled<'a> {
    initial: &'a [String],
    values: &'a [String],
}

impl<'a> Filled<'a> {
    pub const fn new(initial: &'a [String], values: &'a [String]) -> Self {
        Self { initial, values }
    }

    pub fn value(&self, target: Target) -> &'a str {
        let place = FIELDS.iter().position(|(_, other, _)| *other == target);
        place
            .and_then(|place| self.values.get(place))
            .map_or("", String::as_str)
    }

    /// The settings that were changed: the field's place, its key, its value.
    pub fn changed(&self) -> impl Iterator<Item = (usize, &'static str, &'a str)> + '_ {
        let fields = FIELDS.into_iter().enumerate().zip(self.initial.iter().zip(self.values));
        fields.filter_map(|((place, (_, target, _)), (initial, value))| match target {
            Target::Setting(key) if initial != value => Some((place, key, value.as_str())),
            _ => None,
        })
    }

    /// What was typed into a field, if it is not what the field began with.
    pub fn typed(&self, target: Target) -> Option<&'a str> {
        let place = FIELDS.iter().position(|(_, other, _)| *other == target)?;
        let (initial, value) = (self.initial.get(place)?, self.values.get(place)?);
        (initial != value && !value.is_empty()).then_some(value.as_str())
    }

    pub fn sets(&self) -> impl Iterator<Item = String> + '_ {
        self.changed().map(|(_, key, value)| format!("{key}={value}"))
    }

    pub fn stages(&self) -> &'static [Stage] {
        match self.value(Target::Stage) {
            "aspects" => &[Stage::Aspects],
            "prompt" => &[Stage::Prompt],
            _ => &[Stage::Aspects, Stage::Prompt],
        }
    }
}
