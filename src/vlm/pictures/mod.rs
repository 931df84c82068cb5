//! Prepares pictures for vision towers: resized as Pillow does, normalised, cut into patches.

mod normalisation;
mod patches;
mod resample;
mod settings;

use std::path::{Path, PathBuf};

pub use normalisation::{CLIP_MEAN, CLIP_STD, Normalisation, Table};
pub use patches::{Grid, ImageProcessor, Patches};
pub use resample::{Filter, resize};
pub use settings::{Defaults, MAX_TARGET_PIXELS, Place, ProcessorConfig, Sides};

use crate::printable::printable_path;
use crate::vlm::config_file::DocumentError;
use crate::vlm::vision::{Pictures, PixelLimits};

/// Pictures are shrunk until their longest side has at most this many pixels.
pub const LONGEST_SIDE: u32 = 1024;

/// A picture as tiles of one size: first the whole picture squeezed to a square, then the tiles of a larger version,
/// row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Tiles {
    /// `[tiles, patches of a tile, 3 * patch * patch]`; values of a row in the order channel, y, x.
    pub values: Vec<f32>,
    /// Patches on a tile's side.
    pub side: usize,
    /// Rows and columns of the larger picture's tiles.
    pub larger: (usize, usize),
    /// The part of the larger picture that is not black border, in patches: first row and number of rows, then first
    /// column and number of columns.
    pub shown: [(usize, usize); 2],
}

impl Tiles {
    /// The number of tiles.
    #[must_use]
    pub const fn count(&self) -> usize {
        1 + self.larger.0 * self.larger.1
    }
}

/// Why a picture cannot be prepared, or why settings are invalid.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
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
        "in {}, preprocessor_config.json (or processor_config.json) {reason}",
        printable_path(folder)
    )]
    Misfit { folder: PathBuf, reason: String },
    #[error(
        "a picture of {width} x {height} pixels is too long for the model: its sides may differ by a factor of at most \
         {most}; crop it or leave it out"
    )]
    AspectRatio { width: u32, height: u32, most: u32 },
}

/// Width and height, scaled so that the longest side is at most [`LONGEST_SIDE`]; the other side is truncated, perhaps
/// to 0.
#[must_use]
pub fn limited_size(width: u32, height: u32) -> (u32, u32) {
    let longest = width.max(height);
    if longest <= LONGEST_SIDE {
        return (width, height);
    }
    let scaled = |side: u32| (u64::from(side) * u64::from(LONGEST_SIDE) / u64::from(longest)) as u32;
    (scaled(width), scaled(height))
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
        return Err(PictureError::Misfit {
            folder: folder.to_owned(),
            reason: format!(
                "has the patch size, frames of a patch and merge size {found:?}, and config.json {tower:?}; the two files are \
                 not of one model"
            ),
        });
    }
    Ok((Box::new(ImageProcessor::new(config, defaults.sides)?), is_there))
}
