//! config.json of a Qwen2.5-VL folder.

use std::path::Path;

use candle_core::Result as Computed;
use serde_json::{Map, Value};

use super::vision::VisionTower;
use crate::vlm::Parameters;
use crate::vlm::config_file::Keys;
use crate::vlm::decoder::DecoderConfig;
use crate::vlm::model_config::Parsed;
use crate::vlm::pictures::{self, PictureError, Sides};
use crate::vlm::qwen2_vl::config::{DECODER, PICTURES as QWEN2_PICTURES};
use crate::vlm::vision::{Pictures, PixelLimits, Tower, TowerConfig};

/// The vision tower's sizes; names as on the hub.
#[derive(Debug, Clone, PartialEq)]
pub struct VisionConfig {
    pub depth: usize,
    /// The tower's width.
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub num_heads: usize,
    pub in_chans: usize,
    /// The language model's width.
    pub out_hidden_size: usize,
    pub patch_size: usize,
    pub spatial_merge_size: usize,
    pub temporal_patch_size: usize,
    /// A window's side in pixels.
    pub window_size: usize,
    /// Blocks that see the whole picture.
    pub fullatt_block_indexes: Vec<usize>,
}

impl VisionConfig {
    /// A window's side in merged tokens.
    #[must_use]
    pub const fn window(&self) -> usize {
        self.window_size / self.patch_size / self.spatial_merge_size
    }
}

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

/// The image processor of all Qwen2.5-VL models.
const PICTURES: pictures::Defaults = pictures::Defaults {
    sides: Sides::Nearest,
    ..QWEN2_PICTURES
};

/// Reads the keys; the language model's are Qwen2-VL's.
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

/// Many derived folders say little more than the widths: the rest are the sizes of the 3B and 7B models.
fn vision(root: &Map<String, Value>, width: usize) -> Result<VisionConfig, String> {
    let keys = Keys::of_part(root, "vision_config")?;
    keys.computed_as("hidden_act", &["silu", "swish"])?;
    let vision = VisionConfig {
        depth: keys.size(&["depth"], Some(32))?,
        hidden_size: keys.size(&["hidden_size"], Some(1280))?,
        intermediate_size: keys.size(&["intermediate_size"], Some(3420))?,
        num_heads: keys.size(&["num_heads"], Some(16))?,
        in_chans: keys.channels()?,
        out_hidden_size: keys.size(&["out_hidden_size"], Some(width))?,
        patch_size: keys.size(&["patch_size", "spatial_patch_size"], Some(14))?,
        spatial_merge_size: keys.size(&["spatial_merge_size"], Some(2))?,
        temporal_patch_size: keys.size(&["temporal_patch_size"], Some(2))?,
        window_size: keys.size(&["window_size"], Some(112))?,
        fullatt_block_indexes: keys.places("fullatt_block_indexes", &[7, 15, 23, 31])?,
    };
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
            vision.window() > 0,
            "`vision_config.window_size` is less than one merged patch",
        ),
    ];
    match rules.iter().find(|(holds, _)| !holds) {
        Some((_, reason)) => Err((*reason).to_owned()),
        None => Ok(vision),
    }
}
