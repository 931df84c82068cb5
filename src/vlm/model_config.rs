//! What config.json says of a model: its language model, its vision tower, and what it leaves open.

use std::path::Path;
use std::sync::Arc;

use super::config_file::{ConfigFile, ConfigFileError, Family};
use super::decoder::DecoderConfig;
use super::vision::TowerConfig;

/// A configuration, and what its file left open.
#[derive(Debug, Clone)]
pub struct ModelConfig {
    pub family: Family,
    pub decoder: DecoderConfig,
    pub tower: Arc<dyn TowerConfig>,
    /// What each place says about tied embeddings.
    pub ties: Vec<bool>,
    /// Keys whose values are those that transformers takes then.
    pub left_out: Vec<&'static str>,
}

/// The same of one family.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed<V> {
    pub decoder: DecoderConfig,
    pub vision: V,
    pub ties: Vec<bool>,
    pub left_out: Vec<&'static str>,
}

impl<V: TowerConfig + 'static> Parsed<V> {
    /// With the tower's own type forgotten.
    #[must_use]
    pub fn of(self, family: Family) -> ModelConfig {
        ModelConfig {
            family,
            decoder: self.decoder,
            tower: Arc::new(self.vision),
            ties: self.ties,
            left_out: self.left_out,
        }
    }
}

impl ModelConfig {
    /// Reads and checks `config.json` in `folder`.
    ///
    /// # Errors
    /// As [`ConfigFile::read`] and [`Self::of`].
    pub fn read(folder: &Path) -> Result<Self, ConfigFileError> {
        Self::of(&ConfigFile::read(folder)?)
    }

    /// The configuration that a file holds. Keys that are left out have the values that transformers gives them, which
    /// leaves out what equals its own defaults when it saves a model.
    ///
    /// # Errors
    /// [`ConfigFileError::Wrong`]: values that are absurd, do not fit one another or ask for what is not computed.
    pub fn of(file: &ConfigFile) -> Result<Self, ConfigFileError> {
        file.family.config(file.keys()).map_err(|reason| file.wrong(reason))
    }
}
