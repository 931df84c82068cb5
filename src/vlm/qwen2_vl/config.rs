//! config.json of a Qwen2-VL folder.

use std::path::Path;

use candle_core::Result as Computed;
use serde_json::{Map, Value};

use super::vision::VisionTower;
use crate::vlm::Parameters;
use crate::vlm::config_file::Keys;
use crate::vlm::decoder::DecoderConfig;
use crate::vlm::decoder::config::{Defaults, HeadDim, Rotary};
use crate::vlm::model_config::Parsed;
use crate::vlm::pictures::{self, CLIP_MEAN, CLIP_STD, PictureError, Sides};
use crate::vlm::vision::{Pictures, PixelLimits, Tower, TowerConfig};

/// The vision tower's sizes; names as on the hub.
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

/// What transformers takes where the language model's keys are left out.
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

impl TowerConfig for VisionConfig {
    fn blocks(&self) -> (&'static str, &'static str, usize) {
        ("visual.blocks.", "vision_config.depth", self.depth)
    }

    fn width(&self) -> usize {
        self.embed_dim
    }

    fn build(&self, parameters: &dyn Parameters, progress: &mut dyn FnMut(usize)) -> Computed<Box<dyn Tower>> {
        Ok(Box::new(VisionTower::new(self, parameters, progress)?))
    }

    fn pictures(&self, folder: &Path, limits: PixelLimits) -> Result<(Box<dyn Pictures>, bool), PictureError> {
        let sizes = [self.patch_size, self.temporal_patch_size, self.spatial_merge_size];
        pictures::of_grid(folder, &PICTURES, sizes, limits)
    }
}

/// Files before transformers 4.52 have the language model's keys at the top, later ones in `text_config`, some in both.
///
/// # Errors
/// A sentence for values that are absurd, do not fit one another or ask for what is not computed.
pub fn parse(root: &Map<String, Value>) -> Result<Parsed<VisionConfig>, String> {
    let text = Keys::new(root, &["text_config", ""]);
    let decoder = DecoderConfig::of(&text, &DECODER)?;
    let vision = vision(root, decoder.hidden_size)?;
    let ties = text.switches("tie_word_embeddings")?;
    Ok(Parsed {
        decoder,
        vision,
        ties,
        left_out: text.left_out(),
    })
}

fn vision(root: &Map<String, Value>, hidden_size: usize) -> Result<VisionConfig, String> {
    let keys = Keys::of_part(root, "vision_config")?;
    keys.computed_as("hidden_act", &["quick_gelu"])?;
    let vision = VisionConfig {
        depth: keys.size(&["depth"], Some(32))?,
        embed_dim: keys.size(&["embed_dim"], Some(1280))?,
        num_heads: keys.size(&["num_heads"], Some(16))?,
        mlp_ratio: keys.number("mlp_ratio", (0.0, 64.0), 4.0)?,
        in_chans: keys.channels()?,
        hidden_size: keys.size(&["hidden_size"], Some(hidden_size))?,
        patch_size: keys.size(&["patch_size", "spatial_patch_size"], Some(14))?,
        spatial_merge_size: keys.size(&["spatial_merge_size"], Some(2))?,
        temporal_patch_size: keys.size(&["temporal_patch_size"], Some(2))?,
    };
    if !vision.embed_dim.is_multiple_of(4 * vision.num_heads) {
        return Err("`vision_config.embed_dim` is no multiple of 4 x `num_heads`".to_owned());
    }
    if vision.hidden_size != hidden_size {
        return Err("`vision_config.hidden_size` is not `hidden_size`".to_owned());
    }
    Ok(vision)
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
