//! config.json of a Qwen2-VL folder.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::vlm::config_file::{ConfigFile, ConfigFileError, Keys, rope};

/// The language model's sizes, with the vision tower's inside; names as on the hub.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Map<String, Value>")]
pub struct Config {
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub num_attention_heads: usize,
    pub num_hidden_layers: usize,
    pub num_key_value_heads: usize,
    pub vocab_size: usize,
    pub rms_norm_eps: f64,
    pub rope_theta: f64,
    /// As the file says; where it does not, or says both, the weights decide ([`crate::vlm::plan`]).
    pub tie_word_embeddings: bool,
    pub rope_scaling: RopeScaling,
    pub vision_config: VisionConfig,
}

/// How the rotary angles are shared among time, height and width.
#[derive(Debug, Clone, PartialEq)]
pub struct RopeScaling {
    /// Angles per axis; they add up to half the head's width.
    pub mrope_section: [usize; 3],
}

/// The vision tower's sizes.
#[derive(Debug, Clone, PartialEq)]
pub struct VisionConfig {
    pub depth: usize,
    pub embed_dim: usize,
    pub num_heads: usize,
    pub mlp_ratio: f64,
    pub in_chans: usize,
    /// The language model's width.
    pub hidden_size: usize,
    pub patch_size: usize,
    pub spatial_merge_size: usize,
    pub temporal_patch_size: usize,
}

/// A configuration, and what its file left open.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    pub config: Config,
    /// What each place says about tied embeddings.
    pub ties: Vec<bool>,
    /// Keys whose values are those that transformers takes then.
    pub left_out: Vec<&'static str>,
}

/// More than any normalisation adds.
const LARGEST_EPS: f64 = 0.1;

/// No sequence of ours is longer, so a window of this width hides nothing.
const WIDE_WINDOW: usize = 32_768;

impl Config {
    /// Reads and checks `config.json` in `folder`.
    ///
    /// # Errors
    /// As [`ConfigFile::read`] and [`Self::of`].
    pub fn read(folder: &Path) -> Result<Self, ConfigFileError> {
        Ok(Self::of(&ConfigFile::read(folder)?)?.config)
    }

    /// The configuration that a file holds. Keys that are left out have the values that transformers gives them, which
    /// leaves out what equals its own defaults when it saves a model.
    ///
    /// # Errors
    /// [`ConfigFileError::Wrong`]: values that are absurd, do not fit one another or ask for what is not computed.
    pub fn of(file: &ConfigFile) -> Result<Read, ConfigFileError> {
        parse(file.keys()).map_err(|reason| file.wrong(reason))
    }

    /// The width of one attention head of the language model.
    #[must_use]
    pub fn head_dim(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }

    fn check(&self) -> Result<(), String> {
        let v = &self.vision_config;
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
                "`mrope_section` does not add up to half a head's width",
            ),
            (
                v.embed_dim.is_multiple_of(4 * v.num_heads),
                "`vision_config.embed_dim` is no multiple of 4 x `num_heads`",
            ),
            (
                v.hidden_size == self.hidden_size,
                "`vision_config.hidden_size` is not `hidden_size`",
            ),
            (
                v.in_chans == 3,
                "`vision_config.in_chans` is not 3, and pictures have 3 channels",
            ),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, reason)) => Err((*reason).to_owned()),
            None => Ok(()),
        }
    }
}

impl TryFrom<Map<String, Value>> for Config {
    type Error = String;

    fn try_from(keys: Map<String, Value>) -> Result<Self, String> {
        Ok(parse(&keys)?.config)
    }
}

/// Files before transformers 4.52 have the language model's keys at the top, later ones in `text_config`, some in both.
fn parse(root: &Map<String, Value>) -> Result<Read, String> {
    let text = Keys::new(root, &["text_config", ""]);
    let heads = text.size(&["num_attention_heads"], Some(64))?;
    let hidden_size = text.size(&["hidden_size"], Some(8192))?;
    computed_as(&text, "hidden_act", "silu")?;
    let rope = rope::read(&text, 1e6)?;
    let head_dim = hidden_size / heads;
    let stated = text.size(&["head_dim"], Some(head_dim))?;
    if stated != head_dim {
        return Err(format!(
            "`head_dim` is {stated}, and `hidden_size` / `num_attention_heads` is {head_dim}"
        ));
    }
    let mrope_section = match rope.sections {
        Some(sections) => sections,
        // All sizes on the hub.
        None if head_dim == 128 => [16, 24, 24],
        None => return Err("`rope_scaling.mrope_section` is missing".to_owned()),
    };
    if mrope_section.iter().any(|section| *section > head_dim) {
        return Err("`mrope_section` does not add up to half a head's width".to_owned());
    }
    let num_hidden_layers = text.size(&["num_hidden_layers"], Some(80))?;
    no_window(&text, num_hidden_layers)?;

    let config = Config {
        hidden_size,
        intermediate_size: text.size(&["intermediate_size"], Some(29_568))?,
        num_attention_heads: heads,
        num_hidden_layers,
        num_key_value_heads: text.size(&["num_key_value_heads"], Some(8))?,
        vocab_size: text.size(&["vocab_size"], Some(152_064))?,
        rms_norm_eps: text.number("rms_norm_eps", (0.0, LARGEST_EPS), 1e-5)?,
        rope_theta: rope.theta,
        tie_word_embeddings: false,
        rope_scaling: RopeScaling { mrope_section },
        vision_config: vision(root, hidden_size)?,
    };
    config.check()?;
    let ties = text.switches("tie_word_embeddings")?;
    Ok(Read {
        config: Config {
            tie_word_embeddings: ties.contains(&true),
            ..config
        },
        ties,
        left_out: text.left_out(),
    })
}

fn vision(root: &Map<String, Value>, hidden_size: usize) -> Result<VisionConfig, String> {
    if root
        .get("vision_config")
        .is_some_and(|keys| !keys.is_object() && !keys.is_null())
    {
        return Err("`vision_config` holds no keys".to_owned());
    }
    let keys = Keys::new(root, &["vision_config"]);
    computed_as(&keys, "hidden_act", "quick_gelu")?;
    let (channels, chans) = (
        keys.size(&["in_channels"], Some(3))?,
        keys.size(&["in_chans"], Some(3))?,
    );
    if channels != chans {
        return Err(format!(
            "`vision_config.in_channels` is {channels} and `vision_config.in_chans` {chans}; correct the one that is wrong"
        ));
    }
    Ok(VisionConfig {
        depth: keys.size(&["depth"], Some(32))?,
        embed_dim: keys.size(&["embed_dim"], Some(1280))?,
        num_heads: keys.size(&["num_heads"], Some(16))?,
        mlp_ratio: keys.number("mlp_ratio", (0.0, 64.0), 4.0)?,
        in_chans: channels,
        hidden_size: keys.size(&["hidden_size"], Some(hidden_size))?,
        patch_size: keys.size(&["patch_size", "spatial_patch_size"], Some(14))?,
        spatial_merge_size: keys.size(&["spatial_merge_size"], Some(2))?,
        temporal_patch_size: keys.size(&["temporal_patch_size"], Some(2))?,
    })
}

/// Only one activation is computed.
fn computed_as(keys: &Keys, name: &'static str, wanted: &str) -> Result<(), String> {
    match keys.text(name)? {
        Some(found) if found != wanted => Err(format!(
            "`{name}` is {}, and `{wanted}` alone is computed here",
            crate::printable::printable(&found.chars().take(40).collect::<String>())
        )),
        _ => Ok(()),
    }
}

/// Layers that see only the last tokens are not computed.
fn no_window(keys: &Keys, layers: usize) -> Result<(), String> {
    let switched = keys.switches("use_sliding_window")?.first() == Some(&true);
    if !switched || keys.size(&["sliding_window"], Some(4096))? >= WIDE_WINDOW {
        return Ok(());
    }
    // transformers lets the layers slide from this one on.
    let whole = keys
        .value("max_window_layers")
        .and_then(Value::as_u64)
        .unwrap_or(u64::MAX);
    if whole >= layers as u64 {
        return Ok(());
    }
    Err("`use_sliding_window` is true for some layers, and attention to all tokens alone is computed here".to_owned())
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
