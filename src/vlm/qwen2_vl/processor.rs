//! The image processor: an RGB picture to the patches that the vision tower takes.
//!
//! The reference's chain: the longest side limited to 1,024 pixels (Lanczos), both sides resized to multiples of a
//! merged patch (`smart_resize` of `qwen_vl_utils`, bicubic), samples scaled and normalised in f32, cut into patches.

mod config;
mod resample;

use crate::printable::printable_path;
use crate::vlm::config_file::DocumentError;
use std::path::PathBuf;

use image::RgbImage;

pub use config::ProcessorConfig;
use resample::{Filter, resize};

/// Pictures are shrunk until their longest side has at most this many pixels.
pub const LONGEST_SIDE: u32 = 1024;

/// Sides further apart than this are refused, as `qwen_vl_utils` does.
const MAX_ASPECT_RATIO: f64 = 200.0;

/// How many patches a picture became: frames (of `temporal_patch_size`), rows, columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Grid {
    pub t: usize,
    pub h: usize,
    pub w: usize,
}

impl Grid {
    /// Patches, before merging.
    #[must_use]
    pub const fn patches(&self) -> usize {
        self.t * self.h * self.w
    }

    /// Rows of merged patches.
    #[must_use]
    pub const fn merged_h(&self, merge: usize) -> usize {
        self.h / merge
    }

    /// Columns of merged patches.
    #[must_use]
    pub const fn merged_w(&self, merge: usize) -> usize {
        self.w / merge
    }

    /// Vision tokens that the language model sees.
    #[must_use]
    pub const fn merged_tokens(&self, merge: usize) -> usize {
        self.t * self.merged_h(merge) * self.merged_w(merge)
    }
}

/// A picture as the vision tower takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Patches {
    /// `[grid.patches(), 3 * temporal * patch * patch]`: rows block by merged block, each row channel, frame, y, x.
    pub values: Vec<f32>,
    pub grid: Grid,
}

/// What keeps a picture from becoming patches, or a configuration from being one.
#[derive(Debug, thiserror::Error)]
pub enum ProcessorError {
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error(
        "cannot read the image processor's settings {}: {reason}; the file comes with the model folder",
        printable_path(path)
    )]
    File { path: PathBuf, reason: String },
    #[error("the image processor's setting `{key}` {reason}; correct preprocessor_config.json or model.{key}")]
    Setting { key: &'static str, reason: String },
    #[error(
        "a picture of {width} x {height} pixels is too long for Qwen2-VL: its sides may differ by a factor of at most \
         200; crop it or leave it out"
    )]
    AspectRatio { width: u32, height: u32 },
}

/// Makes patches of pictures.
#[derive(Debug, Clone)]
pub struct ImageProcessor {
    config: ProcessorConfig,
    /// `[channel][byte]`: scaled and normalised.
    normalised: [[f32; 256]; 3],
}

impl ImageProcessor {
    /// # Errors
    /// Settings that no processor can work with.
    pub fn new(config: ProcessorConfig) -> Result<Self, ProcessorError> {
        config.validate()?;
        let normalised = std::array::from_fn(|channel| {
            std::array::from_fn(|byte| {
                // The reference scales in f64, stores f32 and normalises in f32.
                let scaled = (byte as f64 * config.rescale_factor) as f32;
                (scaled - config.image_mean[channel]) / config.image_std[channel]
            })
        });
        Ok(Self { config, normalised })
    }

    #[must_use]
    pub const fn config(&self) -> &ProcessorConfig {
        &self.config
    }

    /// The patches of a picture.
    ///
    /// # Errors
    /// A picture whose sides differ by more than a factor of 200.
    pub fn process(&self, picture: &RgbImage) -> Result<Patches, ProcessorError> {
        Ok(self.patches(&self.resized(picture)?))
    }

    /// The grid that a picture of this size gets, without looking at it.
    ///
    /// # Errors
    /// Sides that differ by more than a factor of 200.
    pub fn grid(&self, width: u32, height: u32) -> Result<Grid, ProcessorError> {
        let (width, height) = self.resized_size(width, height)?;
        Ok(self.grid_of(width, height))
    }

    /// The picture as the patches show it, before normalisation.
    ///
    /// # Errors
    /// A picture whose sides differ by more than a factor of 200.
    pub fn resized(&self, picture: &RgbImage) -> Result<RgbImage, ProcessorError> {
        let (width, height) = self.resized_size(picture.width(), picture.height())?;
        let (limited_width, limited_height) = limited_size(picture.width(), picture.height());
        let limited = if limited_width < picture.width() || limited_height < picture.height() {
            &resize(picture, limited_width, limited_height, Filter::Lanczos)
        } else {
            picture
        };
        Ok(resize(limited, width, height, Filter::Bicubic))
    }

    fn resized_size(&self, width: u32, height: u32) -> Result<(u32, u32), ProcessorError> {
        let (limited_width, limited_height) = limited_size(width, height);
        smart_resize(limited_width, limited_height, &self.config).ok_or(ProcessorError::AspectRatio { width, height })
    }

    fn grid_of(&self, width: u32, height: u32) -> Grid {
        Grid {
            t: 1,
            h: height as usize / self.config.patch_size,
            w: width as usize / self.config.patch_size,
        }
    }

    /// Cuts a resized picture; a still picture fills all frames of its temporal patch.
    fn patches(&self, resized: &RgbImage) -> Patches {
        let ProcessorConfig {
            patch_size: patch,
            temporal_patch_size: frames,
            merge_size: merge,
            ..
        } = self.config;
        let grid = self.grid_of(resized.width(), resized.height());
        let row = resized.width() as usize * 3;
        let bytes = resized.as_raw();
        let mut values = Vec::with_capacity(grid.patches() * 3 * frames * patch * patch);
        let blocks = (0..grid.merged_h(merge)).flat_map(|y| (0..grid.merged_w(merge)).map(move |x| (y, x)));
        let places = blocks.flat_map(|(block_y, block_x)| {
            (0..merge * merge).map(move |inner| (block_y * merge + inner / merge, block_x * merge + inner % merge))
        });
        for (patch_y, patch_x) in places {
            for (channel, normalised) in self.normalised.iter().enumerate() {
                let frame = values.len();
                for y in 0..patch {
                    let start = (patch_y * patch + y) * row + patch_x * patch * 3;
                    let line = &bytes[start..start + patch * 3];
                    values.extend(
                        line.iter()
                            .skip(channel)
                            .step_by(3)
                            .map(|byte| normalised[usize::from(*byte)]),
                    );
                }
                for _ in 1..frames {
                    values.extend_from_within(frame..frame + patch * patch);
                }
            }
        }
        Patches { values, grid }
    }
}

/// Width and height with the longest side at most [`LONGEST_SIDE`]; the other is truncated, perhaps to 0.
fn limited_size(width: u32, height: u32) -> (u32, u32) {
    let longest = width.max(height);
    if longest <= LONGEST_SIDE {
        return (width, height);
    }
    let scaled = |side: u32| (u64::from(side) * u64::from(LONGEST_SIDE) / u64::from(longest)) as u32;
    (scaled(width), scaled(height))
}

/// `smart_resize` of `qwen_vl_utils`: sides rounded (half to even) to multiples of the factor, at least one of it,
/// then scaled where the pixels leave their range. `None` where the sides differ too much or one is 0.
fn smart_resize(width: u32, height: u32, config: &ProcessorConfig) -> Option<(u32, u32)> {
    let (width, height) = (f64::from(width), f64::from(height));
    if width.min(height) < 1.0 || width.max(height) / width.min(height) > MAX_ASPECT_RATIO {
        return None;
    }
    let factor = config.factor() as f64;
    let (min, max) = (config.min_pixels as f64, config.max_pixels as f64);
    let both = |side: &dyn Fn(f64) -> f64| (side(width).max(factor), side(height).max(factor));

    let rounded = both(&|side| (side / factor).round_ties_even() * factor);
    let (width, height) = if rounded.0 * rounded.1 > max {
        let shrink = (height * width / max).sqrt();
        both(&|side| (side / shrink / factor).floor() * factor)
    } else if rounded.0 * rounded.1 < min {
        let grow = (min / (height * width)).sqrt();
        both(&|side| (side * grow / factor).ceil() * factor)
    } else {
        rounded
    };
    Some((width as u32, height as u32))
}

#[cfg(test)]
mod tests;
