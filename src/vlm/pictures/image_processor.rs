//! The image processor of the Qwen families: converts an RGB picture to one grid of patches.
//!
//! The reference's chain: the longest side limited to 1,024 pixels (Lanczos), both sides resized to multiples of a
//! merged patch (`smart_resize`, bicubic), samples scaled and normalised in f32, cut into patches.

use std::path::Path;

use image::RgbImage;

use super::{Defaults, Filter, Grid, Patches, PictureError, ProcessorConfig, Sides, Table, limited_size, resize};
use crate::vlm::tower::merge_order;
use crate::vlm::vision::{Picture, Pictures, PixelLimits, waves};

/// The largest ratio of the sides; `qwen_vl_utils` has the same limit.
const MAX_ASPECT_RATIO: f64 = 200.0;

/// Converts pictures to patches.
#[derive(Debug, Clone)]
pub struct ImageProcessor {
    config: ProcessorConfig,
    sides: Sides,
    table: Table,
}

impl ImageProcessor {
    /// # Errors
    /// If the settings are invalid.
    pub fn new(config: ProcessorConfig, sides: Sides) -> Result<Self, PictureError> {
        config.validate()?;
        let table = config.normalisation().table();
        Ok(Self { config, sides, table })
    }

    /// The patches of a picture.
    ///
    /// # Errors
    /// A picture whose sides differ by more than a factor of 200.
    pub fn process(&self, picture: &RgbImage) -> Result<Patches, PictureError> {
        Ok(self.patches(&self.resized(picture)?))
    }

    /// The picture that the patches are cut from, before normalisation.
    ///
    /// # Errors
    /// A picture whose sides differ by more than a factor of 200.
    pub fn resized(&self, picture: &RgbImage) -> Result<RgbImage, PictureError> {
        let (width, height) = self.resized_size(picture.width(), picture.height())?;
        let (limited_width, limited_height) = limited_size(picture.width(), picture.height());
        let limited = if limited_width < picture.width() || limited_height < picture.height() {
            &resize(picture, limited_width, limited_height, Filter::Lanczos)
        } else {
            picture
        };
        Ok(resize(limited, width, height, Filter::Bicubic))
    }

    fn resized_size(&self, width: u32, height: u32) -> Result<(u32, u32), PictureError> {
        let (limited_width, limited_height) = limited_size(width, height);
        smart_resize(limited_width, limited_height, &self.config, self.sides).ok_or(PictureError::AspectRatio {
            width,
            height,
            most: MAX_ASPECT_RATIO as u32,
        })
    }

    fn grid_of(&self, width: u32, height: u32) -> Grid {
        Grid {
            t: 1,
            h: height as usize / self.config.patch_size,
            w: width as usize / self.config.patch_size,
        }
    }

    /// Cuts a resized picture into patches. A still picture fills all frames of its temporal patch.
    fn patches(&self, resized: &RgbImage) -> Patches {
        let ProcessorConfig {
            patch_size: patch,
            temporal_patch_size: frames,
            merge_size: merge,
            ..
        } = self.config;
        let grid = self.grid_of(resized.width(), resized.height());
        let mut values = Vec::with_capacity(grid.patches() * 3 * frames * patch * patch);
        for (y, x) in merge_order((grid.t, grid.h, grid.w), merge) {
            let corner = (y * patch, x * patch);
            self.table.patch(resized, corner, (patch, frames), &mut values);
        }
        Patches { values, grid }
    }
}

impl Pictures for ImageProcessor {
    fn prepare(&self, picture: &RgbImage) -> Result<Picture, PictureError> {
        Ok(Picture::Grid(self.process(picture)?))
    }

    fn blank(&self, picture: &mut Picture, tokens: &[usize]) {
        let Picture::Grid(patches) = picture else { return };
        let merged = self.config.merge_size * self.config.merge_size;
        let width = patches.values.len() / patches.grid.patches().max(1) * merged;
        for &token in tokens {
            if let Some(values) = patches.values.chunks_mut(width.max(1)).nth(token) {
                values.fill(0.0);
            }
        }
    }

    fn probe(&self) -> Picture {
        let side = 2 * self.config.merge_size;
        let patch = self.config.patch_size * self.config.patch_size;
        Picture::Grid(Patches {
            values: waves(side * side * 3 * self.config.temporal_patch_size * patch),
            grid: Grid { t: 1, h: side, w: side },
        })
    }

    fn settings(&self) -> String {
        match self.sides {
            Sides::AtLeastOne => format!("{:?}", self.config),
            Sides::Nearest => format!("{:?} {:?}", self.config, self.sides),
        }
    }
}

/// The Qwen families' image processor with the settings of `folder` and `limits`; the second value says whether the
/// folder has settings. `tower` holds the vision tower's patch size, frames per patch and merge size, which must equal
/// the processor's.
///
/// # Errors
/// If settings cannot be read, are invalid, or belong to another tower.
pub fn of_grid(
    folder: &Path,
    defaults: &Defaults,
    tower: [usize; 3],
    limits: PixelLimits,
) -> Result<(Box<dyn Pictures>, bool), PictureError> {
    let [patch_size, _, _] = tower;
    let (config, is_there) = ProcessorConfig::of_folder(
        folder,
        &Defaults {
            patch_size,
            ..*defaults
        },
    )?;
    let config = config.with_pixel_limits(limits.min, limits.max)?;
    let found = [config.patch_size, config.temporal_patch_size, config.merge_size];
    if found != tower {
        return Err(PictureError::Mismatch {
            folder: folder.to_owned(),
            reason: format!(
                "has the patch size, frames of a patch and merge size {found:?}, and config.json {tower:?}; the two files are \
                 not of one model"
            ),
        });
    }
    Ok((Box::new(ImageProcessor::new(config, defaults.sides)?), is_there))
}

/// `smart_resize`: rounds both sides (half to even) to multiples of the factor. If the number of pixels is then out of
/// range, it scales both sides, each to at least one factor. `None` if the sides differ too much or one is 0.
fn smart_resize(width: u32, height: u32, config: &ProcessorConfig, sides: Sides) -> Option<(u32, u32)> {
    let (width, height) = (f64::from(width), f64::from(height));
    if width.min(height) < 1.0 || width.max(height) / width.min(height) > MAX_ASPECT_RATIO {
        return None;
    }
    let factor = config.factor() as f64;
    let (min, max) = (config.min_pixels as f64, config.max_pixels as f64);
    let both = |least: f64, side: &dyn Fn(f64) -> f64| (side(width).max(least), side(height).max(least));

    let least = match sides {
        Sides::AtLeastOne => factor,
        Sides::Nearest => 0.0,
    };
    let rounded = both(least, &|side| (side / factor).round_ties_even() * factor);
    let (width, height) = if rounded.0 * rounded.1 > max {
        let shrink = (height * width / max).sqrt();
        both(factor, &|side| (side / shrink / factor).floor() * factor)
    } else if rounded.0 * rounded.1 < min.max(1.0) {
        let grow = (min / (height * width)).sqrt();
        both(factor, &|side| (side * grow / factor).ceil() * factor)
    } else {
        rounded
    };
    Some((width as u32, height as u32))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
