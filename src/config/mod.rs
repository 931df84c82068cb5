//! Settings: typed, validated, and each key with its default and its allowed values in one line of its section's file.
//!
//! [`load`] lays the sources over each other, the later beating the earlier: defaults, a session's record, the
//! user's own file (how screens look), the config file, `--set`, flags. What a source says is checked before it is merged, so that an error names the source and line.

mod aliases;
mod allowed;
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
mod record;
mod schema;
mod section;
mod session;
mod settings;
mod test_section;
#[cfg(test)]
mod tests;
mod train;
mod tui;
mod user_file;
pub(crate) mod yaml;

pub use aspects::AspectsSettings;
pub use checkpoint::CheckpointSettings;
pub use data::{Balance, DataSettings};
pub use error::ConfigError;
pub use eval::EvalSettings;
pub use layers::{ConfigFile, Flag, Record, Sources};
pub use merge::Loaded;
pub use model::{Dtype, ModelSettings, Positions, Quantize};
pub use prompt::PromptSettings;
pub use session::SessionSettings;
pub use settings::Settings;
pub use test_section::TestSettings;
pub use train::{OnNan, Optimizer, SaveStrategy, Schedule, StageTrain, TrainOverrides, TrainSettings};
pub use tui::{Background, ColorSettings, TuiSettings};
pub use user_file::user_file;

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
