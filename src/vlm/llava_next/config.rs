//! config.json of a LLaVA-NeXT folder.

use serde_json::{Map, Value};

use crate::vlm::config_file::Keys;
use crate::vlm::decoder::config::{Defaults, HeadDim, LARGEST_EPS, Rotary};
use crate::vlm::parsed::Parsed;
use crate::vlm::pictures::MAX_TARGET_PIXELS;

/// Sizes of CLIP and of the projection of its features; names as on the hub.
#[derive(Debug, Clone, PartialEq)]
pub struct VisionConfig {
    /// CLIP's width.
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub num_attention_heads: usize,
    pub num_hidden_layers: usize,
    pub layer_norm_eps: f64,
    /// A tile's side in pixels.
    pub image_size: usize,
    pub patch_size: usize,
    /// The number of blocks that are run; the features are the output of the last of them.
    pub passed: usize,
    /// The language model's width.
    pub out_hidden_size: usize,
    /// Whether the projector's layers have biases.
    pub projector_bias: bool,
    /// Heights and widths of the larger picture, in pixels.
    pub image_grid_pinpoints: Vec<[usize; 2]>,
}

impl VisionConfig {
    /// Patches on a tile's side.
    #[must_use]
    pub const fn side(&self) -> usize {
        self.image_size / self.patch_size
    }

    /// The number of tokens of the longest picture: the own tile's, plus the larger picture's with a newline after each
    /// row.
    fn most_tokens(&self) -> usize {
        let larger = self.image_grid_pinpoints.iter().map(|[height, width]| {
            let (rows, columns) = (height / self.patch_size, width / self.patch_size);
            rows * (columns + 1)
        });
        self.side() * self.side() + larger.max().unwrap_or(0)
    }
}

/// The context that must remain next to a picture's tokens for the chat, the soft prompt and the answer. Mistral's own
/// window of 4096 leaves it with the hub's pictures, which have at most 576 + 48 x 49 tokens.
const TEXT_TOKENS: usize = 1024;

/// transformers' defaults for missing keys of Mistral.
const DECODER: Defaults = Defaults {
    hidden_size: 4096,
    intermediate_size: 14_336,
    num_attention_heads: 32,
    num_key_value_heads: 8,
    num_hidden_layers: 32,
    vocab_size: 32_000,
    rms_norm_eps: 1e-6,
    rope_theta: 1e4,
    head_dim: HeadDim::OwnOrDivided,
    qkv_bias: false,
    qk_norm: false,
    rotary: Rotary::One,
    // Replaced later by the limit that follows from the pictures' sizes.
    wide_window: usize::MAX,
};

const PINPOINTS: [[usize; 2]; 5] = [[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]];

/// The upper limit of a tile's side in pixels: no CLIP's is larger.
const LARGEST_TILE: usize = 4096;

/// Reads the keys.
///
/// # Errors
/// A message for values that are out of range, inconsistent or not supported.
pub fn parse(root: &Map<String, Value>) -> Result<Parsed<VisionConfig>, String> {
    let kind = Keys::of_part(root, "text_config")?;
    kind.computed_as("model_type", &["mistral"])?;
    // transformers builds a Llama if the language model's part or its type is missing.
    if kind.text("model_type")?.is_none() {
        return Err(
            "`text_config.model_type` is missing, which means a Llama, and this program runs LLaVA-NeXT on Mistral \
             (`\"model_type\": \"mistral\"`)"
                .to_owned(),
        );
    }
    let text = Keys::new(root, &["text_config", ""]);
    let vision = vision(root, text.size(&["hidden_size"], Some(DECODER.hidden_size))?)?;
    let defaults = Defaults {
        wide_window: vision.most_tokens() + TEXT_TOKENS,
        ..DECODER
    };
    Parsed::of_parts(root, &defaults, |_| Ok(vision))
}

fn vision(root: &Map<String, Value>, width: usize) -> Result<VisionConfig, String> {
    let top = Keys::new(root, &[""]);
    let keys = Keys::of_part(root, "vision_config")?;
    // If the part is missing, transformers' default is CLIP-L at 336 pixels; for missing keys in it, CLIP-B at 224.
    let or = |large: usize, base: usize| {
        Some(match root.get("vision_config") {
            None | Some(Value::Null) => large,
            Some(_) => base,
        })
    };
    keys.computed_as("model_type", &["clip_vision_model"])?;
    keys.computed_as("hidden_act", &["quick_gelu"])?;
    top.computed_as("projector_hidden_act", &["gelu"])?;
    top.computed_as("vision_feature_select_strategy", &["default"])?;
    let blocks = keys.size(&["num_hidden_layers"], or(24, 12))?;
    let vision = VisionConfig {
        hidden_size: keys.size(&["hidden_size"], or(1024, 768))?,
        intermediate_size: keys.size(&["intermediate_size"], or(4096, 3072))?,
        num_attention_heads: keys.size(&["num_attention_heads"], or(16, 12))?,
        num_hidden_layers: blocks,
        layer_norm_eps: keys.number("layer_norm_eps", (0.0, LARGEST_EPS), 1e-5)?,
        image_size: keys.size(&["image_size"], or(336, 224))?,
        patch_size: keys.size(&["patch_size"], or(14, 32))?,
        passed: passed(top.value("vision_feature_layer"), blocks)?,
        out_hidden_size: width,
        projector_bias: top.switches("multimodal_projector_bias")?.first() != Some(&false),
        image_grid_pinpoints: pinpoints(top.value("image_grid_pinpoints"))?.unwrap_or_else(|| PINPOINTS.to_vec()),
    };
    let whole = |[height, width]: &[usize; 2]| {
        height.is_multiple_of(vision.image_size) && width.is_multiple_of(vision.image_size) && height * width > 0
    };
    bounded(vision.image_size, &vision.image_grid_pinpoints)?;
    let rules = [
        (
            vision.hidden_size.is_multiple_of(vision.num_attention_heads),
            "`vision_config.hidden_size` is not a multiple of `num_attention_heads`",
        ),
        (
            vision.image_size.is_multiple_of(vision.patch_size),
            "`vision_config.image_size` is not a multiple of `patch_size`",
        ),
        (
            vision.image_grid_pinpoints.iter().all(whole),
            "`image_grid_pinpoints` holds a size that is not a multiple of `vision_config.image_size`",
        ),
        (
            top.switches("use_image_newline_parameter")?.first() != Some(&false),
            "`use_image_newline_parameter` is false, but only rows that end in `image_newline` are supported",
        ),
    ];
    match rules.iter().find(|(holds, _)| !holds) {
        Some((_, reason)) => Err((*reason).to_owned()),
        None => Ok(vision),
    }
}

/// Checks that no picture takes more memory than in other families: one tile of `side` pixels plus any larger picture.
fn bounded(side: usize, pinpoints: &[[usize; 2]]) -> Result<(), String> {
    if side > LARGEST_TILE {
        return Err(format!(
            "`vision_config.image_size` is {side}, and a tile has at most {LARGEST_TILE} pixels a side here"
        ));
    }
    match pinpoints
        .iter()
        .find(|[height, width]| height * width + side * side > MAX_TARGET_PIXELS)
    {
        Some([height, width]) => Err(format!(
            "`image_grid_pinpoints` holds {height} x {width}, which with one tile is more than the {MAX_TARGET_PIXELS} pixels \
             that a picture may have here"
        )),
        None => Ok(()),
    }
}

/// How many of `blocks` blocks to run for `vision_feature_layer`: 0 or more counts from the front (0: no block), a
/// negative value from the back.
fn passed(layer: Option<&Value>, blocks: usize) -> Result<usize, String> {
    let Some(layer) = layer else {
        return Ok(blocks.saturating_sub(1));
    };
    let passed = layer
        .as_i64()
        .map(|layer| if layer < 0 { blocks as i64 + 1 + layer } else { layer });
    match passed {
        Some(passed) if (0..=blocks as i64).contains(&passed) => Ok(passed as usize),
        _ => Err(format!(
            "`vision_feature_layer` is {}, and should be one of the {blocks} blocks of `vision_config`",
            crate::printable::printable(&layer.to_string().chars().take(40).collect::<String>())
        )),
    }
}

/// The larger picture's sizes; `None` if they are missing.
pub(super) fn pinpoints(value: Option<&Value>) -> Result<Option<Vec<[usize; 2]>>, String> {
    const MOST: usize = 64;
    const LARGEST: usize = 16_384;
    let Some(value) = value else { return Ok(None) };
    let sizes: Vec<[usize; 2]> = serde_json::from_value(value.clone())
        .map_err(|_| "`image_grid_pinpoints` is not a list of heights and widths".to_owned())?;
    if sizes.is_empty() || sizes.len() > MOST || sizes.iter().flatten().any(|&side| side > LARGEST) {
        return Err(format!(
            "`image_grid_pinpoints` should hold 1 to {MOST} sizes of at most {LARGEST} pixels a side"
        ));
    }
    Ok(Some(sizes))
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
