//! Attention within windows: inside the blocks the patches are ordered window by window.

use candle_core::{Device, Result, Tensor};

use super::windows::Windows;
use crate::nn::{Mask, attention};

/// Which blocks attend within windows, and the windows' size.
#[derive(Clone, Debug)]
pub struct Windowed {
    /// A window's side in merged tokens.
    pub side: usize,
    /// Indices of the blocks with full attention.
    pub whole: Vec<usize>,
}

/// The windows of pictures of one size, shared by all blocks of a pass.
#[derive(Debug)]
pub struct Cut<'a> {
    of: &'a Windowed,
    windows: Windows,
    /// Patches of a merged token.
    patches: usize,
    /// For each place in window order, the patch in merge order.
    pub order: Vec<u32>,
    /// One mask per size of window.
    masks: Vec<Mask>,
    device: Device,
}

impl Windowed {
    /// A text that differs whenever the windows would change the features.
    #[must_use]
    pub fn settings(&self) -> String {
        format!("windows {} but in {:?}", self.side, self.whole)
    }

    /// The windows of `images` pictures of `tokens` (height, width) merged tokens, each made of `patches` patches.
    #[must_use]
    pub fn cut(&self, images: usize, tokens: (usize, usize), patches: usize, device: &Device) -> Cut<'_> {
        let windows = Windows::new(tokens, self.side);
        let of_size = |(count, tokens): &(usize, usize)| Mask::full(images * count, tokens * patches, false);
        Cut {
            of: self,
            patches,
            order: windows.patches(patches),
            masks: windows.sizes.iter().map(of_size).collect(),
            windows,
            device: device.clone(),
        }
    }
}

impl Cut<'_> {
    /// Whether block `block` attends within windows.
    #[must_use]
    pub fn apply_to(&self, block: usize) -> bool {
        !self.of.whole.contains(&block)
    }

    /// Reorders patches `[images, patches, width]` from merge order to window order.
    ///
    /// # Errors
    /// Where the shapes do not fit or the device fails.
    pub fn gathered(&self, x: &Tensor) -> Result<Tensor> {
        self.rows(x, &self.order)
    }

    /// Reorders patches `[images, patches, width]` from window order back to merge order.
    ///
    /// # Errors
    /// As [`Self::gathered`].
    pub fn patches_back(&self, x: &Tensor) -> Result<Tensor> {
        self.rows(x, &self.windows.patch_places(self.patches))
    }

    /// Reorders merged tokens `[images, tokens, hidden]` from window order to reading order.
    ///
    /// # Errors
    /// As [`Self::gathered`].
    pub fn tokens_back(&self, x: &Tensor) -> Result<Tensor> {
        self.rows(x, &self.windows.places())
    }

    fn rows(&self, x: &Tensor, index: &[u32]) -> Result<Tensor> {
        x.contiguous()?.index_select(&Tensor::new(index, &self.device)?, 1)
    }

    /// Attention within each window; windows of one size are computed together. The shapes are those of [`attention()`].
    ///
    /// # Errors
    /// As [`Self::gathered`].
    pub fn attention(&self, q: &Tensor, k: &Tensor, v: &Tensor) -> Result<Tensor> {
        let (images, _, heads, head_dim) = q.dims4()?;
        let mut first = 0;
        let mut seen = Vec::with_capacity(self.masks.len());
        for ((count, tokens), mask) in self.windows.sizes.iter().zip(&self.masks) {
            let patches = tokens * self.patches;
            let part = |x: &Tensor| {
                x.narrow(1, first, count * patches)?
                    .contiguous()?
                    .reshape((images * count, patches, heads, head_dim))
            };
            let of_size = attention(&part(q)?, &part(k)?, &part(v)?, mask)?;
            seen.push(of_size.reshape((images, count * patches, heads * head_dim))?);
            first += count * patches;
        }
        Tensor::cat(&seen, 1)
    }
}
