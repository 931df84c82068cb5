//! A model's configuration from config.json: the language model, the vision tower, and what the file leaves open.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::config_file::{ConfigFile, ConfigFileError, Family, Keys};
use super::decoder::DecoderConfig;
use super::decoder::config::Defaults;
use super::vision::TowerConfig;

/// A configuration, and what its file leaves open.
#[derive(Debug, Clone)]
pub struct ModelConfig {
    pub family: Family,
    pub decoder: DecoderConfig,
    pub tower: Arc<dyn TowerConfig>,
    /// The value of `tie_word_embeddings` in each place that states it.
    pub ties: Vec<bool>,
    /// Missing keys of the language model, for which the family's defaults were used.
    pub left_out: Vec<&'static str>,
}

/// A configuration of one particular family.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed<V> {
    pub decoder: DecoderConfig,
    pub vision: V,
    pub ties: Vec<bool>,
    pub left_out: Vec<&'static str>,
}

impl<V> Parsed<V> {
    /// Reads the language model's keys; those in `text_config` take precedence over those at the top. `vision` reads
    /// the tower's keys, and gets the language model's configuration.
    ///
    /// # Errors
    /// A message for values that are out of range, inconsistent or not supported.
    pub fn of_parts(
        root: &Map<String, Value>,
        defaults: &Defaults,
        vision: impl FnOnce(&DecoderConfig) -> Result<V, String>,
    ) -> Result<Self, String> {
        let text = Keys::new(root, &["text_config", ""]);
        let decoder = DecoderConfig::of(&text, defaults)?;
        Ok(Self {
            vision: vision(&decoder)?,
            decoder,
            ties: text.switches("tie_word_embeddings")?,
            left_out: text.left_out(),
        })
    }
}

impl<V: TowerConfig + 'static> Parsed<V> {
    /// Erases the tower's type.
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
    /// The configuration in a file. Missing keys take transformers' own defaults, because transformers does not save
    /// keys that equal them. There are two exceptions: Qwen2.5-VL's tower has the sizes of the 3B and 7B models, and a
    /// tower's tokens are as wide as the language model.
    ///
    /// # Errors
    /// [`ConfigFileError::Wrong`]: values that are out of range, inconsistent or not supported.
    pub fn of(file: &ConfigFile) -> Result<Self, ConfigFileError> {
        file.family.config(file.keys()).map_err(|reason| file.wrong(reason))
    }
}
