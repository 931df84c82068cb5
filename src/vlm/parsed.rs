//! What a family reads of config.json.

use serde_json::{Map, Value};

use super::config_file::Keys;
use super::decoder::DecoderConfig;
use super::decoder::config::Defaults;

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
