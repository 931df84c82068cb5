//! What a base model sees with: pictures are prepared, and pass a frozen tower.
//!
//! The two halves are apart because the tower's weights are one copy for all of a process, and how pictures are prepared is each
//! user's own (`model.max_pixels`).

use std::fmt::Debug;

use candle_core::{Device, Result, Tensor, bail};
use image::RgbImage;

use super::Parameters;
use super::pictures::{Patches, PictureError, Tiles};
use crate::nn::Interrupt;

/// A picture as a tower takes it.
#[derive(Debug, Clone, PartialEq)]
pub enum Picture {
    /// One grid of patches, of the picture's own proportions.
    Grid(Patches),
    /// The whole picture as a square tile, and the tiles of a larger one.
    Tiles(Tiles),
}

/// What the tower makes of a picture.
#[derive(Debug, Clone)]
pub struct Features {
    /// `[rows, hidden]` in the base model's dtype: what stands in the image's place in stage 2. The first height x width
    /// rows are the tokens that aspects attend to.
    pub run: Tensor,
    /// Height and width of the grid of tokens that aspects attend to, which is the heatmap's.
    pub grid: (usize, usize),
    /// `[rows, hidden]` each: added to the run's rows after the language model's first layers (DeepStack).
    pub deep: Vec<Tensor>,
}

impl Features {
    /// The tokens that aspects attend to, row by row: `[height * width, hidden]`.
    ///
    /// # Errors
    /// Where the run is shorter than the grid.
    pub fn tokens(&self) -> Result<Tensor> {
        self.run.narrow(0, 0, self.grid.0 * self.grid.1)
    }

    /// Of all its numbers.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let tensors = self.deep.iter().chain([&self.run]);
        tensors
            .map(|tensor| (tensor.elem_count() * tensor.dtype().size_in_bytes()) as u64)
            .sum()
    }

    /// The same on another device.
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
    /// What it makes of a picture; `part` is given the embedded patches and what each block makes of them.
    ///
    /// # Errors
    /// Where the picture is of another kind or the device fails.
    fn pass(&self, picture: &Picture, part: &mut dyn FnMut(&Tensor)) -> Result<Features>;

    /// Gives up what is computed once `interrupt` is set.
    fn heed(&mut self, interrupt: &Interrupt);

    /// The same weights for another user.
    fn sharing(&self) -> Box<dyn Tower>;

    /// What its features depend on that neither its weights nor what it makes of [`Pictures::probe`] tell; empty where there
    /// is nothing of the kind. It is part of the name that features are kept under.
    ///
    /// # Errors
    /// Where the device fails.
    fn settings(&self) -> Result<String> {
        Ok(String::new())
    }

    /// What it makes of a picture.
    ///
    /// # Errors
    /// As [`Self::pass`].
    fn look(&self, picture: &Picture) -> Result<Features> {
        self.pass(picture, &mut |_| ())
    }
}

/// How a family prepares pictures.
pub trait Pictures: Debug + Send + Sync {
    /// # Errors
    /// [`PictureError`]: a picture that the family cannot take.
    fn prepare(&self, picture: &RgbImage) -> std::result::Result<Picture, PictureError>;

    /// Blanks tokens that aspects attend to (row by row): their pixels become the normalisation's mean, a middling grey.
    fn blank(&self, picture: &mut Picture, tokens: &[usize]);

    /// A picture of numbers that are always the same: what the tower makes of it tells its weights. It
    /// is small, and so does not tell what matters in larger pictures alone: see [`Tower::settings`].
    fn probe(&self) -> Picture;

    /// All that the preparation depends on.
    fn settings(&self) -> String;
}

/// What config.json says of a family's tower.
pub trait TowerConfig: Debug + Send + Sync {
    /// Where the weights of its blocks stand, the key of their number, and that number.
    fn blocks(&self) -> (&'static str, &'static str, usize);

    /// How many of the blocks the files must hold at least: the others are not passed.
    fn least_blocks(&self) -> usize {
        self.blocks().2
    }

    /// The width of its blocks.
    fn width(&self) -> usize;

    /// Builds the tower; `progress` is told the blocks done.
    ///
    /// # Errors
    /// Where a parameter is missing or of another shape.
    fn build(&self, parameters: &dyn Parameters, progress: &mut dyn FnMut(usize)) -> Result<Box<dyn Tower>>;

    /// How pictures are prepared, as `folder` and `limits` say; and whether the folder says it.
    ///
    /// # Errors
    /// Settings that cannot be read, or do not fit the tower.
    fn pictures(
        &self,
        folder: &std::path::Path,
        limits: PixelLimits,
    ) -> std::result::Result<(Box<dyn Pictures>, bool), PictureError>;

    /// Weights inside the model that nothing is computed with.
    fn is_spare(&self, name: &str) -> bool {
        let _ = name;
        false
    }
}

/// Pixels of a resized picture, where a user says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PixelLimits {
    pub min: Option<usize>,
    pub max: Option<usize>,
}

/// Values `[images, rows, width]` in the dtype and on the device of `like`, a weight.
pub(super) fn pixels(values: &[f32], (images, rows): (usize, usize), like: &Tensor) -> Result<Tensor> {
    let rows = rows.max(1);
    if !values.len().is_multiple_of(images.max(1) * rows) {
        bail!("{} values are no {images} images of {rows} rows", values.len());
    }
    let width = values.len() / (images.max(1) * rows);
    Tensor::from_slice(values, (images, rows, width), &Device::Cpu)?
        .to_device(like.device())?
        .to_dtype(like.dtype())
}

/// The error of a tower that is given another family's picture.
pub(super) fn other_picture() -> candle_core::Error {
    candle_core::Error::Msg("the picture was prepared for another family's tower".to_owned())
}

/// Numbers that are always the same, `count` of them, for [`Pictures::probe`].
pub(super) fn waves(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i as f32 * 0.37).sin()).collect()
}

/// `x` `[1, rows, hidden]` as rows of a run.
pub(super) fn rows(x: &Tensor) -> Result<Tensor> {
    Ok(x.squeeze(0)?.detach())
}
