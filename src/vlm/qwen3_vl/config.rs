//! config.json of a Qwen3-VL folder.

use std::path::Path;

use candle_core::Result as Computed;
use serde_json::{Map, Value};

use super::vision::VisionTower;
use crate::vlm::Parameters;
use crate::vlm::config_file::Keys;
use crate::vlm::decoder::DecoderConfig;
use crate::vlm::decoder::config::{Defaults, HeadDim, Rotary};
use crate::vlm::model_config::Parsed;
use crate::vlm::pictures::{self, PictureError, Sides};
use crate::vlm::vision::{Pictures, PixelLimits, Tower, TowerConfig};

/// The vision tower's sizes; names as on the hub.
#[derive(Debug, Clone, PartialEq)]
pub struct VisionConfig {
    pub depth: usize,
    /// The tower's width.
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub num_heads: usize,
    pub in_channels: usize,
    /// The language model's width.
    pub out_hidden_size: usize,
    pub patch_size: usize,
    pub spatial_merge_size: usize,
    pub temporal_patch_size: usize,
    /// A square number: the position table's rows.
    pub num_position_embeddings: usize,
    /// Blocks whose results are merged, too, and added to the language model's first layers.
    pub deepstack_visual_indexes: Vec<usize>,
}

/// What transformers takes where the language model's keys are left out.
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

/// The image processor of all Qwen3-VL models; the limits are areas.
const PICTURES: pictures::Defaults = pictures::Defaults {
    patch_size: 16,
    temporal_patch_size: 2,
    merge_size: 2,
    image_mean: [0.5; 3],
    image_std: [0.5; 3],
    min_pixels: 65_536,
    max_pixels: 16_777_216,
    sides: Sides::Nearest,
};

impl TowerConfig for VisionConfig {
    fn blocks(&self) -> (&'static str, &'static str, usize) {
        ("visual.blocks.", "vision_config.depth", self.depth)
    }

    fn width(&self) -> usize {
        self.hidden_size
    }

    fn build(&self, parameters: &dyn Parameters, progress: &mut dyn FnMut(usize)) -> Computed<Box<dyn Tower>> {
        Ok(Box::new(VisionTower::new(self, parameters, progress)?))
    }

    fn pictures(&self, folder: &Path, limits: PixelLimits) -> Result<(Box<dyn Pictures>, bool), PictureError> {
        let sizes = [self.patch_size, self.temporal_patch_size, self.spatial_merge_size];
        pictures::of_grid(folder, &PICTURES, sizes, limits)
    }
}

/// Reads the keys.
///
/// # Errors
/// A sentence for values that are absurd, do not fit one another or ask for what is not computed.
pub fn parse(root: &Map<String, Value>) -> Result<Parsed<VisionConfig>, String> {
    let text = Keys::new(root, &["text_config", ""]);
    let decoder = DecoderConfig::of(&text, &DECODER)?;
    let vision = vision(root, &decoder)?;
    let ties = text.switches("tie_word_embeddings")?;
    Ok(Parsed {
        decoder,
        vision,
        ties,
        left_out: text.left_out(),
    })
}

fn vision(root: &Map<String, Value>, decoder: &DecoderConfig) -> Result<VisionConfig, String> {
    let keys = Keys::of_part(root, "vision_config")?;
    keys.computed_as("hidden_act", &["gelu_pytorch_tanh"])?;
    let width = decoder.hidden_size;
    let vision = VisionConfig {
        depth: keys.size(&["depth"], Some(27))?,
        hidden_size: keys.size(&["hidden_size"], Some(1152))?,
        intermediate_size: keys.size(&["intermediate_size"], Some(4304))?,
        num_heads: keys.size(&["num_heads"], Some(16))?,
        in_channels: keys.channels()?,
        out_hidden_size: keys.size(&["out_hidden_size"], Some(width))?,
        patch_size: keys.size(&["patch_size"], Some(16))?,
        spatial_merge_size: keys.size(&["spatial_merge_size"], Some(2))?,
        temporal_patch_size: keys.size(&["temporal_patch_size"], Some(2))?,
        num_position_embeddings: keys.size(&["num_position_embeddings"], Some(2304))?,
        deepstack_visual_indexes: keys.places("deepstack_visual_indexes", &[8, 16, 24])?,
    };
    let levels = &vision.deepstack_visual_indexes;
    let side = vision.num_position_embeddings.isqrt();
    let rules = [
        (
            vision.hidden_size.is_multiple_of(4 * vision.num_heads),
            "`vision_config.hidden_size` is no multiple of 4 x `num_heads`",
        ),
        (
            vision.out_hidden_size == width,
            "`vision_config.out_hidden_size` is not the language model's `hidden_size`",
        ),
        (
            side * side == vision.num_position_embeddings,
            "`vision_config.num_position_embeddings` is no square number",
        ),
        (
            levels.iter().all(|&block| block < vision.depth),
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
