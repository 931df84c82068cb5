//! A model's configuration from config.json: the language model, the vision tower, and what the file leaves open.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::config_file::{ConfigFile, ConfigFileError, Family};
use super::decoder::DecoderConfig;
use super::parsed::Parsed;
use super::vision::TowerConfig;
use super::{llava_next, qwen2_5_vl, qwen2_vl, qwen3_vl};

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

impl ModelConfig {
    /// The configuration in a file. Missing keys take transformers' own defaults, because transformers does not save
    /// keys that equal them. There are two exceptions: Qwen2.5-VL's tower has the sizes of the 3B and 7B models, and a
    /// tower's tokens are as wide as the language model.
    ///
    /// # Errors
    /// [`ConfigFileError::Wrong`]: values that are out of range, inconsistent or not supported.
    pub fn of(file: &ConfigFile) -> Result<Self, ConfigFileError> {
        Self::of_keys(file.family, file.keys()).map_err(|reason| file.wrong(reason))
    }

    /// The configuration in the keys of a family's file.
    ///
    /// # Errors
    /// A message for values that are out of range, inconsistent or not supported.
    pub fn of_keys(family: Family, keys: &Map<String, Value>) -> Result<Self, String> {
        Ok(match family {
            Family::Qwen2Vl => Self::of_parsed(family, qwen2_vl::config::parse(keys)?),
            Family::Qwen25Vl => Self::of_parsed(family, qwen2_5_vl::config::parse(keys)?),
            Family::Qwen3Vl => Self::of_parsed(family, qwen3_vl::config::parse(keys)?),
            Family::LlavaNext => Self::of_parsed(family, llava_next::config::parse(keys)?),
        })
    }

    fn of_parsed<V: TowerConfig + 'static>(family: Family, parsed: Parsed<V>) -> Self {
        Self {
            family,
            decoder: parsed.decoder,
            tower: Arc::new(parsed.vision),
            ties: parsed.ties,
            left_out: parsed.left_out,
        }
    }
}
