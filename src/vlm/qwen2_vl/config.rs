//! config.json of a Qwen2-VL folder.

use serde_json::{Map, Value};

use crate::vlm::config_file::Keys;
use crate::vlm::decoder::config::{Defaults, HeadDim, Rotary};
use crate::vlm::parsed::Parsed;
use crate::vlm::pictures::{self, CLIP_MEAN, CLIP_STD, Sides};
use crate::vlm::tower::{GridKeys, GridSizes};

/// The vision tower's sizes.
#[derive(Debug, Clone, PartialEq)]
pub struct VisionConfig {
    pub sizes: GridSizes,
    /// The ratio of the feed-forward network's width to the tower's.
    pub mlp_ratio: f64,
}

/// transformers' defaults for missing keys of the tower.
const SIZES: GridKeys = GridKeys {
    depth: 32,
    width: ("embed_dim", 1280),
    num_heads: 16,
    out_hidden_size: "hidden_size",
    patch_size: (&["patch_size", "spatial_patch_size"], 14),
    spatial_merge_size: 2,
    temporal_patch_size: 2,
};

/// transformers' defaults for missing keys of the language model.
pub const DECODER: Defaults = Defaults {
    hidden_size: 8192,
    intermediate_size: 29_568,
    num_attention_heads: 64,
    num_key_value_heads: 8,
    num_hidden_layers: 80,
    vocab_size: 152_064,
    rms_norm_eps: 1e-5,
    rope_theta: 1e6,
    head_dim: HeadDim::Divided,
    qkv_bias: true,
    qk_norm: false,
    rotary: Rotary::Blocks([16, 24, 24]),
    wide_window: 32_768,
};

/// The image processor of all Qwen2-VL models.
pub const PICTURES: pictures::Defaults = pictures::Defaults {
    patch_size: 14,
    temporal_patch_size: 2,
    merge_size: 2,
    image_mean: CLIP_MEAN,
    image_std: CLIP_STD,
    min_pixels: 4 * 28 * 28,
    max_pixels: 16_384 * 28 * 28,
    sides: Sides::AtLeastOne,
};

/// Reads the keys. Before transformers 4.52 the language model's keys were at the top; later files have them in
/// `text_config`, and some have both.
///
/// # Errors
/// A message for values that are out of range, inconsistent or not supported.
pub fn parse(root: &Map<String, Value>) -> Result<Parsed<VisionConfig>, String> {
    Parsed::of_parts(root, &DECODER, |decoder| tower(root, decoder.hidden_size))
}

fn tower(root: &Map<String, Value>, width: usize) -> Result<VisionConfig, String> {
    let keys = Keys::of_part(root, "vision_config")?;
    keys.computed_as("hidden_act", &["quick_gelu"])?;
    Ok(VisionConfig {
        sizes: GridSizes::of(&keys, &SIZES, width)?,
        mlp_ratio: keys.number("mlp_ratio", (0.0, 64.0), 4.0)?,
    })
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
