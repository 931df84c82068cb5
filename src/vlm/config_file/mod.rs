//! config.json of a model folder, in the forms that versions of transformers, fine-tuners and mergers write.
//!
//! The file's [`Family`] is found here; the family's own reader then asks [`Keys`] for its sizes.

pub mod document;
mod family;
mod keys;
mod quantisation;
pub mod rope;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::printable::printable_path;
use crate::vlm::foreign;
pub use document::DocumentError;
pub use family::Family;
pub use keys::Keys;
pub use quantisation::Quantisation;

const NAME: &str = "config.json";

/// A parsed config.json of a supported family.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    /// The path of config.json itself.
    pub path: PathBuf,
    pub family: Family,
    pub quantisation: Quantisation,
    keys: Map<String, Value>,
}

/// What is wrong with a config.json.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFileError {
    #[error("{} has no config.json: {what}", printable_path(folder))]
    NoModel { folder: PathBuf, what: String },
    #[error(
        "{} has no config.json. A model folder in Hugging Face layout holds config.json, tokenizer.json, \
         preprocessor_config.json and *.safetensors",
        printable_path(folder)
    )]
    Missing { folder: PathBuf },
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error("{} is not of a model that can be run: {what}", printable_path(path))]
    Foreign { path: PathBuf, what: String },
    #[error("{} is not a {} configuration that can be run: {reason}", printable_path(path), family.name())]
    Wrong {
        path: PathBuf,
        family: Family,
        reason: String,
    },
}

impl ConfigFile {
    /// Reads `config.json` in `folder` and finds its family.
    ///
    /// # Errors
    /// [`ConfigFileError`]: missing, not JSON, or of an unsupported model.
    pub fn read(folder: &Path) -> Result<Self, ConfigFileError> {
        let path = folder.join(NAME);
        if folder.is_dir() && !path.exists() {
            let folder = folder.to_owned();
            return Err(match foreign::what_is(&folder) {
                Some(what) => ConfigFileError::NoModel { folder, what },
                None => ConfigFileError::Missing { folder },
            });
        }
        let keys = document::read(&path)?;
        match Family::of(&keys) {
            Ok(family) => Ok(Self {
                path,
                family,
                quantisation: Quantisation::of(&keys),
                keys,
            }),
            Err(what) => Err(ConfigFileError::Foreign { path, what }),
        }
    }

    /// The file's keys, unchanged.
    #[must_use]
    pub const fn keys(&self) -> &Map<String, Value> {
        &self.keys
    }

    /// An error about one of its keys.
    #[must_use]
    pub fn wrong(&self, reason: String) -> ConfigFileError {
        ConfigFileError::Wrong {
            path: self.path.clone(),
            family: self.family,
            reason,
        }
    }
}
