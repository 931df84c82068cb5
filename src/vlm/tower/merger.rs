//! Merges neighbouring patches into one token of the language model's width.

use candle_core::{Result, Tensor};

use super::{GridSizes, Norm};
use crate::nn::Linear;
use crate::vlm::Scope;

/// A norm before or after the patches of a block are joined, followed by two layers with a GELU between them.
#[derive(Clone, Debug)]
pub struct Merger {
    pub norm: Norm,
    /// Whether the norm is over the joined patches instead of over each patch.
    pub norms_joined: bool,
    pub first: Linear,
    pub second: Linear,
    /// Patches of a merged token.
    pub patches: usize,
}

impl Merger {
    /// A merger of a tower over a grid; its two layers are at `layers`.
    ///
    /// # Errors
    /// Where a parameter is missing or of another shape.
    pub fn new(sizes: &GridSizes, norm: Norm, norms_joined: bool, layers: [Scope; 2]) -> Result<Self> {
        let patches = sizes.merged_patches();
        let wide = sizes.width * patches;
        let [first, second] = layers;
        Ok(Self {
            norm,
            norms_joined,
            first: first.linear(wide, wide, true)?,
            second: second.linear(sizes.out_hidden_size, wide, true)?,
            patches,
        })
    }

    /// Maps `x` `[images, patches, width]` in merge order to `[images, merged tokens, hidden]`.
    ///
    /// # Errors
    /// Where shapes do not fit or the device fails.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (images, patches, width) = x.dims3()?;
        let joined = (images, patches / self.patches, self.patches * width);
        let x = if self.norms_joined {
            self.norm.forward(&x.reshape(joined)?)?
        } else {
            self.norm.forward(x)?.reshape(joined)?
        };
        self.second.forward(&self.first.forward(&x)?.gelu_erf()?)
    }
}
