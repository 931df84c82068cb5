//! config.json of a Qwen2-VL folder.

use std::path::Path;

use serde::Deserialize;

use crate::bounded_file::read_text;
use crate::printable::printable;
use crate::vlm::LONGEST_CONFIG;

/// The language model's sizes, with the vision tower's inside; names as on the hub.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Config {
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub num_attention_heads: usize,
    pub num_hidden_layers: usize,
    pub num_key_value_heads: usize,
    pub vocab_size: usize,
    #[serde(default = "default_eps")]
    pub rms_norm_eps: f64,
    #[serde(default = "default_theta")]
    pub rope_theta: f64,
    #[serde(default)]
    pub tie_word_embeddings: bool,
    pub rope_scaling: RopeScaling,
    pub vision_config: VisionConfig,
}

/// How the rotary angles are shared among time, height and width.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct RopeScaling {
    /// Angles per axis; they add up to half the head's width.
    pub mrope_section: [usize; 3],
}

/// The vision tower's sizes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct VisionConfig {
    pub depth: usize,
    pub embed_dim: usize,
    pub num_heads: usize,
    pub mlp_ratio: f64,
    #[serde(default = "default_channels", alias = "in_channels")]
    pub in_chans: usize,
    /// The language model's width.
    pub hidden_size: usize,
    pub patch_size: usize,
    #[serde(default = "default_two")]
    pub spatial_merge_size: usize,
    #[serde(default = "default_two")]
    pub temporal_patch_size: usize,
}

/// No size is larger.
const LARGEST: usize = 1 << 24;

const fn default_channels() -> usize {
    3
}

const fn default_two() -> usize {
    2
}

const fn default_eps() -> f64 {
    1e-6
}

const fn default_theta() -> f64 {
    1e6
}

/// What is wrong with a config.json.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFileError {
    #[error(
        "cannot read {path}: {source}. A model folder holds config.json, tokenizer.json, preprocessor_config.json and *.safetensors"
    )]
    Read { path: String, source: std::io::Error },
    #[error("{path} is not a Qwen2-VL configuration: {reason}")]
    Wrong { path: String, reason: String },
}

impl Config {
    /// Reads and checks `config.json` in `folder`; newer files keep the language model's keys under `text_config`.
    ///
    /// # Errors
    /// Where the file is missing, is not JSON, lacks a key or holds sizes that do not fit one another.
    pub fn read(folder: &Path) -> Result<Self, ConfigFileError> {
        let path = folder.join("config.json");
        let shown = || path.display().to_string();
        let text =
            read_text(&path, LONGEST_CONFIG).map_err(|source| ConfigFileError::Read { path: shown(), source })?;
        Self::parse(&text).map_err(|reason| ConfigFileError::Wrong { path: shown(), reason })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut value: serde_json::Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
        let family = value
            .get("model_type")
            .and_then(|v| v.as_str())
            .unwrap_or("unnamed")
            .to_owned();
        if family != "qwen2_vl" {
            let family = printable(&family);
            return Err(format!("model_type is `{family}`; this program runs `qwen2_vl`"));
        }
        if let Some(text) = value.get("text_config").and_then(|v| v.as_object()).cloned()
            && let Some(top) = value.as_object_mut()
        {
            for (key, value) in text {
                top.entry(key).or_insert(value);
            }
        }
        let config: Self = serde_json::from_value(value).map_err(|e| printable(&e.to_string()).into_owned())?;
        config.check().map(|()| config)
    }

    /// The width of one attention head of the language model.
    #[must_use]
    pub fn head_dim(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }

    fn check(&self) -> Result<(), String> {
        let v = &self.vision_config;
        let sizes = [
            ("hidden_size", self.hidden_size),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", self.num_key_value_heads),
            ("num_hidden_layers", self.num_hidden_layers),
            ("vocab_size", self.vocab_size),
            ("vision_config.embed_dim", v.embed_dim),
            ("vision_config.num_heads", v.num_heads),
            ("vision_config.patch_size", v.patch_size),
            ("vision_config.spatial_merge_size", v.spatial_merge_size),
            ("vision_config.temporal_patch_size", v.temporal_patch_size),
        ];
        if let Some((key, _)) = sizes.iter().find(|(_, size)| *size == 0) {
            return Err(format!("`{key}` is 0"));
        }
        let [time, height, width] = self.rope_scaling.mrope_section;
        let more = [
            ("intermediate_size", self.intermediate_size),
            ("vision_config.depth", v.depth),
            ("vision_config.in_chans", v.in_chans),
            ("rope_scaling.mrope_section", time.max(height).max(width)),
        ];
        // So that sums and products of a few of them are numbers still.
        if let Some((key, size)) = sizes.iter().chain(&more).find(|(_, size)| *size > LARGEST) {
            return Err(format!("`{key}` is {size}; no model is that large"));
        }
        let sections: usize = self.rope_scaling.mrope_section.iter().sum();
        let rules = [
            (
                self.hidden_size.is_multiple_of(2 * self.num_attention_heads),
                "`hidden_size` is no even multiple of `num_attention_heads`",
            ),
            (
                self.num_attention_heads.is_multiple_of(self.num_key_value_heads),
                "`num_attention_heads` is no multiple of `num_key_value_heads`",
            ),
            (
                2 * sections == self.head_dim(),
                "`rope_scaling.mrope_section` does not add up to half a head's width",
            ),
            (
                v.embed_dim.is_multiple_of(4 * v.num_heads),
                "`vision_config.embed_dim` is no multiple of 4 x `num_heads`",
            ),
            (
                v.hidden_size == self.hidden_size,
                "`vision_config.hidden_size` is not `hidden_size`",
            ),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, reason)) => Err((*reason).to_owned()),
            None => Ok(()),
        }
    }
}
