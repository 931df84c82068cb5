//! config.json of a Qwen3-VL folder.

use serde_json::{Map, Value};

use crate::vlm::config_file::Keys;
use crate::vlm::decoder::DecoderConfig;
use crate::vlm::decoder::config::{Defaults, HeadDim, Rotary};
use crate::vlm::parsed::Parsed;
use crate::vlm::pictures::{self, Sides};
use crate::vlm::tower::{GridKeys, GridSizes};

/// The vision tower's sizes; names as on the hub.
#[derive(Debug, Clone, PartialEq)]
pub struct VisionConfig {
    pub sizes: GridSizes,
    pub intermediate_size: usize,
    /// The number of rows of the position table, which is a square number.
    pub num_position_embeddings: usize,
    /// Blocks whose output is also merged and added to the language model's first layers.
    pub deepstack_visual_indexes: Vec<usize>,
}

/// transformers' defaults for missing keys of the tower.
const SIZES: GridKeys = GridKeys {
    depth: 27,
    width: ("hidden_size", 1152),
    num_heads: 16,
    out_hidden_size: "out_hidden_size",
    patch_size: (&["patch_size"], 16),
    spatial_merge_size: 2,
    temporal_patch_size: 2,
};

/// transformers' defaults for missing keys of the language model.
const DECODER: Defaults = Defaults {
    hidden_size: 4096,
    intermediate_size: 22_016,
    num_attention_heads: 32,
    num_key_value_heads: 32,
    num_hidden_layers: 32,
    vocab_size: 151_936,
    rms_norm_eps: 1e-6,
    rope_theta: 5e6,
    head_dim: HeadDim::Own(128),
    qkv_bias: false,
    qk_norm: true,
    rotary: Rotary::Interleaved([24, 20, 20]),
    wide_window: 32_768,
};

/// The image processor of all Qwen3-VL models. Its files name the limits `shortest_edge` and `longest_edge`, but they
/// are numbers of pixels.
pub const PICTURES: pictures::Defaults = pictures::Defaults {
    patch_size: 16,
    temporal_patch_size: 2,
    merge_size: 2,
    image_mean: [0.5; 3],
    image_std: [0.5; 3],
    min_pixels: 65_536,
    max_pixels: 16_777_216,
    sides: Sides::Nearest,
};

/// Reads the keys.
///
/// # Errors
/// A message for values that are out of range, inconsistent or not supported.
pub fn parse(root: &Map<String, Value>) -> Result<Parsed<VisionConfig>, String> {
    Parsed::of_parts(root, &DECODER, |decoder| tower(root, decoder))
}

fn tower(root: &Map<String, Value>, decoder: &DecoderConfig) -> Result<VisionConfig, String> {
    let keys = Keys::of_part(root, "vision_config")?;
    keys.computed_as("hidden_act", &["gelu_pytorch_tanh"])?;
    let vision = VisionConfig {
        sizes: GridSizes::of(&keys, &SIZES, decoder.hidden_size)?,
        intermediate_size: keys.size(&["intermediate_size"], Some(4304))?,
        num_position_embeddings: keys.size(&["num_position_embeddings"], Some(2304))?,
        deepstack_visual_indexes: keys.indices("deepstack_visual_indexes", &[8, 16, 24])?,
    };
    let levels = &vision.deepstack_visual_indexes;
    let side = vision.num_position_embeddings.isqrt();
    let rules = [
        (
            side * side == vision.num_position_embeddings,
            "`vision_config.num_position_embeddings` is not a square number",
        ),
        (
            levels.iter().all(|&block| block < vision.sizes.depth),
            "`vision_config.deepstack_visual_indexes` names a block that `depth` does not have",
        ),
        (
            levels.len() <= decoder.num_hidden_layers,
            "`vision_config.deepstack_visual_indexes` has more levels than the language model has layers",
        ),
    ];
    match rules.iter().find(|(holds, _)| !holds) {
        Some((_, reason)) => Err((*reason).to_owned()),
        None => Ok(vision),
    }
}
