//! What config.json says of a model: its language model, its vision tower, and what it leaves open.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::config_file::{ConfigFile, ConfigFileError, Family, Keys};
use super::decoder::DecoderConfig;
use super::decoder::config::Defaults;
use super::vision::TowerConfig;

/// A configuration, and what its file left open.
#[derive(Debug, Clone)]
pub struct ModelConfig {
    pub family: Family,
    pub decoder: DecoderConfig,
    pub tower: Arc<dyn TowerConfig>,
    /// What each place says about tied embeddings.
    pub ties: Vec<bool>,
    /// Keys of the language model that the file leaves out, so that the family's defaults were taken.
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

impl<V> Parsed<V> {
    /// Reads the language model's keys, of `text_config` before those at the top; `vision` reads the tower's, and is told the
    /// language model.
    ///
    /// # Errors
    /// A sentence for values that are absurd, do not fit one another or ask for what is not computed.
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
    /// The configuration that a file holds. Keys that are left out have transformers' own defaults, as it leaves these out
    /// when it saves a model. There are two exceptions: Qwen2.5-VL's tower has the sizes of the 3B and 7B models, and the tokens
    /// that a tower gives are as wide as the language model.
    ///
    /// # Errors
    /// [`ConfigFileError::Wrong`]: values that are absurd, do not fit one another or ask for what is not computed.
    pub fn of(file: &ConfigFile) -> Result<Self, ConfigFileError> {
        file.family.config(file.keys()).map_err(|reason| file.wrong(reason))
    }
}
