//! The columns of the table of runs.

use std::sync::LazyLock;

use indexmap::IndexMap;
use serde_json::Value;

use crate::{
    config::Settings,
    figures::{calibration, duration, fixed, memory, percent, short, sparkline},
    session::{Metrics, SessionSummary, Utc, comparable},
};

/// A column: what a run is, what it reached, or one of its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Column {
    Name,
    State,
    /// The stage that made the last step, and how far it is.
    Progress,
    Steps,
    /// A figure of the best validation.
    Best(Figure),
    /// The same of the last evaluation on `test`.
    Test(Figure),
    /// Samples a second while training.
    Rate,
    /// Resident memory.
    Memory,
    /// Time at work.
    Time,
    Started,
    /// The losses as a small curve.
    Curve,
    Device,
    Model,
    Data,
    Note,
    /// A key of config.yaml, with dots.
    Setting(String),
}

/// A figure of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    Accuracy,
    Generated,
    MacroF1,
    Ece,
    Brier,
}

/// A run's value in a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Missing,
    Number(f64),
    Text(String),
}

/// The columns other than settings by their names, with what else they are called.
const NAMED: [(&str, &[&str], Column); 23] = [
    ("name", &["run", "session"], Column::Name),
    ("state", &["status"], Column::State),
    ("progress", &["stage", "step"], Column::Progress),
    ("steps", &[], Column::Steps),
    ("best", &["val", "accuracy"], Column::Best(Figure::Accuracy)),
    ("best_generated", &[], Column::Best(Figure::Generated)),
    ("best_f1", &["best_macro_f1"], Column::Best(Figure::MacroF1)),
    ("best_ece", &[], Column::Best(Figure::Ece)),
    ("best_brier", &[], Column::Best(Figure::Brier)),
    ("test", &["test_accuracy"], Column::Test(Figure::Accuracy)),
    ("test_generated", &["generated"], Column::Test(Figure::Generated)),
    (
        "test_f1",
        &["f1", "macro_f1", "test_macro_f1"],
        Column::Test(Figure::MacroF1),
    ),
    ("test_ece", &["ece"], Column::Test(Figure::Ece)),
    ("test_brier", &["brier"], Column::Test(Figure::Brier)),
    ("samples/s", &["samples_per_s", "rate", "speed"], Column::Rate),
    ("memory", &["rss"], Column::Memory),
    ("time", &["duration"], Column::Time),
    ("started", &["start"], Column::Started),
    ("loss", &["curve"], Column::Curve),
    ("device", &[], Column::Device),
    ("model", &[], Column::Model),
    ("data", &["dataset"], Column::Data),
    ("note", &["notes"], Column::Note),
];

/// What settings are called that have a long key.
const SHORT: [(&str, &str); 5] = [
    ("lr", "train.prompt.learning_rate"),
    ("learning_rate", "train.prompt.learning_rate"),
    ("aspects_lr", "train.aspects.learning_rate"),
    ("batch", "train.batch_size"),
    ("seed", "train.seed"),
];

/// The settings with their defaults, which a run has that is older than a key.
static DEFAULTS: LazyLock<Value> = LazyLock::new(|| Settings::default().to_record());

/// The keys of all settings.
static KEYS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let all = comparable(&[&*DEFAULTS]);
    all.into_iter().flat_map(IndexMap::into_keys).collect()
});

/// The columns that a list names: `name,test,lr,seed`, or with spaces.
///
/// # Errors
/// A sentence on the first name that is no column, or on none at all.
pub fn parse_columns(list: &str) -> Result<Vec<Column>, String> {
    let names = list.split([',', ' ', '\t']).filter(|name| !name.is_empty());
    let columns: Vec<Column> = names.map(Column::parse).collect::<Result<_, _>>()?;
    if columns.is_empty() {
        return Err(format!("name at least one column; there are {}", offered()));
    }
    Ok(columns)
}

fn offered() -> String {
    let names: Vec<&str> = NAMED.iter().map(|(name, ..)| *name).collect();
    format!(
        "{}, and all settings, such as lr, seed or aspects.views",
        names.join(", ")
    )
}

impl Column {
    /// The column of this name: one of a run's, a short name of a setting, a key of config.yaml, or the end of a key that no
    /// other key has.
    ///
    /// # Errors
    /// A sentence with the nearest name, or with the keys among which the name does not choose.
    pub fn parse(name: &str) -> Result<Self, String> {
        let name = name.to_lowercase().replace('-', "_");
        let is_named = |(own, others, _): &&(&str, &[&str], Self)| *own == name || others.contains(&&*name);
        if let Some((_, _, column)) = NAMED.iter().find(is_named) {
            return Ok(column.clone());
        }
        if let Some((_, key)) = SHORT.iter().find(|(short, _)| *short == name) {
            return Ok(Self::Setting((*key).to_owned()));
        }
        if KEYS.contains(&name) {
            return Ok(Self::Setting(name));
        }
        let end = format!(".{name}");
        let ends: Vec<&String> = KEYS.iter().filter(|key| key.ends_with(&end)).collect();
        match ends.as_slice() {
            [key] => Ok(Self::Setting((*key).clone())),
            [] => Err(unknown(&name)),
            several => {
                let several: Vec<&str> = several.iter().map(|key| key.as_str()).collect();
                Err(format!("`{name}` may be any of {}: name one", several.join(", ")))
            }
        }
    }

    /// The names of all columns, settings last.
    #[must_use]
    pub fn names() -> Vec<String> {
        let named = NAMED.iter().map(|(name, ..)| (*name).to_owned());
        let short = SHORT.iter().map(|(short, _)| (*short).to_owned());
        named.chain(short).chain(KEYS.iter().cloned()).collect()
    }

    /// Its name in heads and in JSON. A setting has the short name by which it is found again.
    #[must_use]
    pub fn name(&self) -> &str {
        if let Self::Setting(key) = self {
            return SHORT.iter().find(|(_, of)| of == key).map_or(key, |(short, _)| short);
        }
        NAMED
            .iter()
            .find(|(_, _, column)| column == self)
            .map_or("", |(name, ..)| name)
    }

    /// Whether runs of a group have a mean in it.
    #[must_use]
    pub const fn is_figure(&self) -> bool {
        matches!(
            self,
            Self::Best(_) | Self::Test(_) | Self::Rate | Self::Memory | Self::Time | Self::Steps
        )
    }

    /// Whether it is read from its left end: text, not numbers.
    #[must_use]
    pub const fn is_text(&self) -> bool {
        !self.is_figure() && !matches!(self, Self::Setting(_))
    }

    /// A run's value.
    #[must_use]
    pub fn cell(&self, run: &SessionSummary) -> Cell {
        let text = |text: &str| match text {
            "" => Cell::Missing,
            text => Cell::Text(text.to_owned()),
        };
        let number = |number: Option<f64>| number.filter(|n| n.is_finite()).map_or(Cell::Missing, Cell::Number);
        match self {
            Self::Name => text(&run.name),
            Self::State => text(run.state.name()),
            Self::Progress => text(&run.progress()),
            Self::Steps => Cell::Number(run.steps as f64),
            Self::Best(Figure::Accuracy) => number(run.best_accuracy),
            Self::Test(Figure::Accuracy) => number(run.test_accuracy),
            Self::Best(figure) => number(run.best.as_ref().map(|made| figure.of(made))),
            Self::Test(figure) => number(run.test.as_ref().map(|made| figure.of(made))),
            Self::Rate => number(run.samples_per_s),
            Self::Memory => number(run.memory.map(|bytes| bytes as f64)),
            Self::Time => number(Some(run.duration)),
            Self::Started => number(run.started),
            Self::Curve => text(&curve(run)),
            Self::Device => text(&run.device),
            Self::Model => text(&run.model),
            Self::Data => text(&run.dataname),
            Self::Note => text(&run.note),
            Self::Setting(key) => setting(&run.settings, key),
        }
    }

    /// A value as a person reads it; a missing one is empty.
    #[must_use]
    pub fn shown(&self, cell: &Cell) -> String {
        let number = match cell {
            Cell::Missing => return String::new(),
            Cell::Text(text) => return text.clone(),
            Cell::Number(number) => *number,
        };
        match self {
            Self::Best(figure) | Self::Test(figure) => figure.shown(number),
            Self::Rate => short(number),
            Self::Memory => memory(number.max(0.0) as u64),
            Self::Time => duration(number),
            Self::Started => Utc::from_seconds(number).to_minutes(),
            Self::Steps => fixed(number, 0),
            _ => plain(number),
        }
    }
}

impl Figure {
    fn of(self, metrics: &Metrics) -> f64 {
        match self {
            Self::Accuracy => metrics.accuracy,
            Self::Generated => metrics.accuracy_generated,
            Self::MacroF1 => metrics.macro_f1,
            Self::Ece => metrics.ece,
            Self::Brier => metrics.brier,
        }
    }

    fn shown(self, value: f64) -> String {
        match self {
            Self::Accuracy | Self::Generated => percent(value),
            Self::MacroF1 => fixed(value, 3),
            Self::Ece | Self::Brier => calibration(value),
        }
    }
}

fn unknown(name: &str) -> String {
    let names = NAMED
        .iter()
        .flat_map(|(name, others, _)| others.iter().chain([name]).copied());
    let short = SHORT.iter().map(|(short, _)| *short);
    let all = names.chain(short).chain(KEYS.iter().map(String::as_str));
    let nearest = all.max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
    match nearest.filter(|nearest| strsim::jaro_winkler(nearest, name) > 0.8) {
        Some(nearest) => format!("there is no column `{name}`; did you mean `{nearest}`?"),
        None => format!("there is no column `{name}`; there are {}", offered()),
    }
}

fn setting(settings: &Value, key: &str) -> Cell {
    let of = |settings: &Value| {
        key.split('.')
            .try_fold(settings, |value, name| value.get(name))
            .cloned()
    };
    match of(settings).or_else(|| of(&DEFAULTS)) {
        None | Some(Value::Null) => Cell::Missing,
        Some(Value::Number(number)) => number.as_f64().map_or(Cell::Missing, Cell::Number),
        Some(Value::String(text)) => Cell::Text(text),
        Some(Value::Array(items)) => {
            let items = items
                .iter()
                .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned));
            Cell::Text(items.collect::<Vec<_>>().join(" "))
        }
        Some(value) => Cell::Text(value.to_string()),
    }
}

/// A number as a settings file has it: `0.03`, `3e-5`, `3407`.
fn plain(number: f64) -> String {
    match number.abs() {
        0.0 => "0".to_owned(),
        n if n < 1e-3 => format!("{number:e}"),
        _ => number.to_string(),
    }
}

/// Two points in each column of the terminal.
fn curve(run: &SessionSummary) -> String {
    let means = run
        .spark
        .chunks(2)
        .map(|two| two.iter().sum::<f64>() / two.len() as f64);
    let points: Vec<f64> = means.collect();
    let low = points.iter().copied().fold(f64::INFINITY, f64::min);
    let high = points.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    sparkline(&points, low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made_up::evaluated::summaries;

    #[test]
    fn each_column_is_found_by_its_own_name() {
        for (name, others, column) in &NAMED {
            assert_eq!(Column::parse(name).as_ref(), Ok(column));
            assert_eq!(column.name(), *name);
            for other in *others {
                assert_eq!(Column::parse(other).as_ref(), Ok(column), "{other}");
            }
        }
        for key in KEYS.iter() {
            let column = Column::Setting(key.clone());
            assert_eq!(Column::parse(column.name()), Ok(column.clone()));
        }
    }

    #[test]
    fn settings_are_named_by_key_end_or_short_name() {
        let rate = Column::Setting("train.prompt.learning_rate".into());
        assert_eq!(Column::parse("lr"), Ok(rate.clone()));
        assert_eq!(Column::parse("train.prompt.learning_rate"), Ok(rate.clone()));
        assert_eq!(Column::parse("views"), Ok(Column::Setting("aspects.views".into())));
        let run = &summaries(3)[1];
        assert_eq!(rate.shown(&rate.cell(run)), "0.003");
        // A run that is older than a key has its default.
        let older = Column::parse("eval.panel").unwrap();
        assert!(matches!(older.cell(run), Cell::Number(_)));
    }

    #[test]
    fn what_is_no_column_is_a_sentence() {
        let said = Column::parse("tset").unwrap_err();
        assert!(said.contains("did you mean `test`?"), "{said}");
        let said = Column::parse("epochs").unwrap_err();
        assert!(said.contains("train.epochs, train.prompt.epochs"), "{said}");
        assert!(parse_columns(" , ").unwrap_err().contains("best_ece"));
    }
}
