//! A base model's vision: prepares pictures, and runs them through a frozen tower.
//!
//! The two are separate because all users in a process share one copy of the tower's weights, while each user prepares
//! pictures with their own settings (`model.max_pixels`).

use std::fmt::Debug;

use candle_core::{Device, Result, Tensor, bail};
use image::RgbImage;

use super::Parameters;
use super::pictures::{Patches, PictureError, Tiles};
use crate::nn::{Interrupt, Weight};

/// A prepared picture, the input of a tower.
#[derive(Debug, Clone, PartialEq)]
pub enum Picture {
    /// One grid of patches with the picture's own proportions.
    Grid(Patches),
    /// The whole picture as a square tile, and the tiles of a larger version.
    Tiles(Tiles),
}

/// The tower's output for a picture.
#[derive(Debug, Clone)]
pub struct Features {
    /// `[rows, hidden]` in the base model's dtype: in stage 2 these rows replace the image. The first height x width
    /// rows are the tokens that aspects attend to.
    pub run: Tensor,
    /// Height and width of the grid of tokens that aspects attend to; heatmaps have the same grid.
    pub grid: (usize, usize),
    /// `[rows, hidden]` each: added to the run's rows after one of the language model's first layers (DeepStack).
    pub deep: Vec<Tensor>,
}

impl Features {
    /// The tokens that aspects attend to, row by row: `[height * width, hidden]`.
    ///
    /// # Errors
    /// If the run is shorter than the grid.
    pub fn tokens(&self) -> Result<Tensor> {
        self.run.narrow(0, 0, self.grid.0 * self.grid.1)
    }

    /// The size of all its numbers in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let tensors = self.deep.iter().chain([&self.run]);
        tensors
            .map(|tensor| (tensor.elem_count() * tensor.dtype().size_in_bytes()) as u64)
            .sum()
    }

    /// A copy on another device.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn to_device(&self, device: &Device) -> Result<Self> {
        Ok(Self {
            run: self.run.to_device(device)?,
            grid: self.grid,
            deep: self
                .deep
                .iter()
                .map(|level| level.to_device(device))
                .collect::<Result<_>>()?,
        })
    }
}

/// A family's frozen tower.
pub trait Tower: Debug + Send + Sync {
    /// The tower's features of a picture; `part` receives the embedded patches and each block's output.
    ///
    /// # Errors
    /// If the picture is of another kind or the device fails, or once `interrupt` is set.
    fn pass(&self, picture: &Picture, interrupt: &Interrupt, part: &mut dyn FnMut(&Tensor)) -> Result<Features>;

    /// Settings that affect the features but that neither the weights nor the features of [`Pictures::probe`] reveal;
    /// empty if there are none. They are part of the key under which features are cached.
    ///
    /// # Errors
    /// Where the device fails.
    fn settings(&self) -> Result<String> {
        Ok(String::new())
    }

    /// The tower's features of a picture.
    ///
    /// # Errors
    /// As [`Self::pass`].
    fn look(&self, picture: &Picture, interrupt: &Interrupt) -> Result<Features> {
        self.pass(picture, interrupt, &mut |_| ())
    }
}

/// How a family prepares pictures.
pub trait Pictures: Debug + Send + Sync {
    /// # Errors
    /// [`PictureError`]: a picture that the family cannot take.
    fn prepare(&self, picture: &RgbImage) -> std::result::Result<Picture, PictureError>;

    /// Blanks tokens that aspects attend to (row-by-row indices): their pixels become the normalisation's mean, a
    /// medium grey.
    fn blank(&self, picture: &mut Picture, tokens: &[usize]);

    /// A fixed synthetic picture, whose features identify the tower's weights. It is small, so it does not reveal
    /// settings that only matter for larger pictures: see [`Tower::settings`].
    fn probe(&self) -> Picture;

    /// Everything that the preparation depends on.
    fn settings(&self) -> String;
}

/// The configuration of a family's tower.
pub trait TowerConfig: Debug + Send + Sync {
    /// The name prefix of its blocks' weights, the key that states their number, and that number.
    fn blocks(&self) -> (&'static str, &'static str, usize);

    /// The least number of blocks that the files must hold; further blocks are not run.
    fn least_blocks(&self) -> usize {
        self.blocks().2
    }

    /// The width of its blocks.
    fn width(&self) -> usize;

    /// Builds the tower; `progress` receives the number of blocks done.
    ///
    /// # Errors
    /// Where a parameter is missing or of another shape.
    fn build(&self, parameters: &dyn Parameters, progress: &mut dyn FnMut(usize)) -> Result<Box<dyn Tower>>;

    /// The preparation of pictures with the settings of `folder` and `limits`, and whether the folder has such
    /// settings.
    ///
    /// # Errors
    /// If settings cannot be read, or do not match the tower.
    fn pictures(
        &self,
        folder: &std::path::Path,
        limits: PixelLimits,
    ) -> std::result::Result<(Box<dyn Pictures>, bool), PictureError>;

    /// Whether this is a weight of the model that is not used.
    fn is_spare(&self, name: &str) -> bool {
        let _ = name;
        false
    }
}

/// A user's limits for the pixels of a resized picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PixelLimits {
    pub min: Option<usize>,
    pub max: Option<usize>,
}

/// Values `[images, rows, width]` in the dtype and on the device of `like`, a weight.
pub(super) fn pixels(values: &[f32], (images, rows): (usize, usize), like: &Weight) -> Result<Tensor> {
    let rows = rows.max(1);
    if !values.len().is_multiple_of(images.max(1) * rows) {
        bail!("{} values are not {images} images of {rows} rows", values.len());
    }
    let width = values.len() / (images.max(1) * rows);
    Tensor::from_slice(values, (images, rows, width), &Device::Cpu)?
        .to_device(like.device())?
        .to_dtype(like.dtype())
}

/// The error of a tower that gets another family's picture.
pub(super) fn other_picture() -> candle_core::Error {
    candle_core::Error::Msg("the picture was prepared for another family's tower".to_owned())
}

/// `count` fixed values for [`Pictures::probe`].
pub(super) fn waves(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i as f32 * 0.37).sin()).collect()
}

/// Converts `x` `[1, rows, hidden]` to rows of a run.
pub(super) fn rows(x: &Tensor) -> Result<Tensor> {
    Ok(x.squeeze(0)?.detach())
}
