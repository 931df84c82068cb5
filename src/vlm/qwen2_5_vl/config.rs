//! config.json of a Qwen2.5-VL folder.

use serde_json::{Map, Value};

use crate::vlm::config_file::Keys;
use crate::vlm::parsed::Parsed;
use crate::vlm::pictures::{self, Sides};
use crate::vlm::qwen2_vl::config::{DECODER, PICTURES as QWEN2_PICTURES};
use crate::vlm::tower::{GridKeys, GridSizes};

/// The vision tower's sizes; names as on the hub.
#[derive(Debug, Clone, PartialEq)]
pub struct VisionConfig {
    pub sizes: GridSizes,
    pub intermediate_size: usize,
    /// A window's side in pixels.
    pub window_size: usize,
    /// Indices of the blocks with full attention.
    pub fullatt_block_indexes: Vec<usize>,
}

/// The sizes of the 3B and 7B models. Many derived folders state little more than the widths, and transformers' own
/// defaults (a tower as wide as the 7B's language model) fit no published model.
const SIZES: GridKeys = GridKeys {
    depth: 32,
    width: ("hidden_size", 1280),
    num_heads: 16,
    out_hidden_size: "out_hidden_size",
    patch_size: (&["patch_size", "spatial_patch_size"], 14),
    spatial_merge_size: 2,
    temporal_patch_size: 2,
};

impl VisionConfig {
    /// A window's side in merged tokens.
    #[must_use]
    pub const fn window(&self) -> usize {
        self.window_size / self.sizes.patch_size / self.sizes.spatial_merge_size
    }
}

/// The image processor of all Qwen2.5-VL models.
pub const PICTURES: pictures::Defaults = pictures::Defaults {
    sides: Sides::Nearest,
    ..QWEN2_PICTURES
};

/// Reads the keys; the language model's are Qwen2-VL's.
///
/// # Errors
/// A message for values that are out of range, inconsistent or not supported.
pub fn parse(root: &Map<String, Value>) -> Result<Parsed<VisionConfig>, String> {
    Parsed::of_parts(root, &DECODER, |decoder| tower(root, decoder.hidden_size))
}

fn tower(root: &Map<String, Value>, width: usize) -> Result<VisionConfig, String> {
    let keys = Keys::of_part(root, "vision_config")?;
    keys.computed_as("hidden_act", &["silu", "swish"])?;
    let vision = VisionConfig {
        sizes: GridSizes::of(&keys, &SIZES, width)?,
        intermediate_size: keys.size(&["intermediate_size"], Some(3420))?,
        window_size: keys.size(&["window_size"], Some(112))?,
        fullatt_block_indexes: keys.indices("fullatt_block_indexes", &[7, 15, 23, 31])?,
    };
    if vision.window() == 0 {
        return Err("`vision_config.window_size` is less than one merged patch".to_owned());
    }
    Ok(vision)
}
