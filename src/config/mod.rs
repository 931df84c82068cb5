//! Settings: typed, validated, and every default in one place (the `Default` of its section's file).
//!
//! [`load`] lays the sources over each other, the later beating the earlier: defaults, a session's record, the
//! user's own file (how screens look), the config file, `--set`, flags. What a source says is checked before it is merged, so that an error names the source and line.

mod aliases;
mod aspects;
mod checkpoint;
mod data;
mod error;
mod eval;
#[cfg(test)]
mod hostile;
mod layers;
mod locations;
mod merge;
mod model;
mod prompt;
mod schema;
mod session;
mod test;
#[cfg(test)]
mod tests;
mod train;
mod tui;
mod user_file;
mod yaml;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use aspects::AspectsSettings;
pub use checkpoint::CheckpointSettings;
pub use data::DataSettings;
pub use error::ConfigError;
pub use eval::EvalSettings;
pub use layers::{ConfigFile, Flag, Record, Sources};
pub use model::{Dtype, ModelSettings, Positions};
pub use prompt::PromptSettings;
pub use session::SessionSettings;
pub use test::TestSettings;
pub use train::{OnNan, Optimizer, SaveStrategy, Schedule, StageTrain, TrainOverrides, TrainSettings};
pub use tui::{Background, ColorSettings, TuiSettings};
pub use user_file::user_file;

/// Everything that `config.yaml` can say; a field's name is its key's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub train: TrainSettings,
    pub test: TestSettings,
    pub eval: EvalSettings,
    pub checkpoint: CheckpointSettings,
    pub model: ModelSettings,
    pub data: DataSettings,
    pub aspects: AspectsSettings,
    pub prompt: PromptSettings,
    pub session: SessionSettings,
    pub tui: TuiSettings,
}

/// What [`load`] gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    pub settings: Settings,
    /// One line each: what was asked for and cannot be honoured, and what is done instead.
    pub notices: Vec<String>,
}

/// Reads, checks and merges the sources.
///
/// # Errors
/// [`ConfigError`]: a named file that is missing, an unknown key, a value that is not allowed, two keys of one source
/// that contradict each other. All but a failed read are wrong usage ([`ConfigError::is_usage`]).
pub fn load(mut sources: Sources) -> Result<Loaded, ConfigError> {
    // It says how screens look: no command needs it.
    let unread = sources.user.as_deref().and_then(layers::unreadable);
    if unread.is_some() {
        sources.user = None;
    }
    let layers = layers::read(sources)?;
    let mut loaded = merge::merge(&layers)?;
    loaded
        .notices
        .extend(unread.map(|error| format!("{error}; the screens look as they do without it")));
    Ok(loaded)
}

/// Why `--set KEY=TEXT` would not be taken, if so: what is allowed, for a place beside a field.
#[must_use]
pub fn refusal(key: &str, text: &str) -> Option<String> {
    let alone = Sources {
        config: ConfigFile::None,
        set: vec![format!("{key}={text}")],
        ..Sources::default()
    };
    match load(alone) {
        Ok(_) => None,
        Err(ConfigError::NotAllowed { allowed, .. }) => Some(allowed),
        Err(error) => Some(error.to_string()),
    }
}

impl Settings {
    /// The settings as a session records them: paths are absolute, so that the record holds in any folder; how a screen
    /// looks is left out.
    #[must_use]
    pub fn to_record(&self) -> Value {
        let mut settings = self.clone();
        locations::make_absolute(&mut settings);
        // Plain structs with string keys: serialising them cannot fail.
        let mut record = serde_json::to_value(settings).unwrap_or_default();
        if let Some(sections) = record.as_object_mut() {
            sections.shift_remove("tui");
        }
        record
    }
}
