//! The vision tower: patches to merged tokens of the language model's width.

use candle_core::{Result, Tensor};

use super::config::{Config, VisionConfig};
use super::rope::vision_angles;
use crate::nn::{Interrupt, LayerNorm, Linear, Mask, Rotary, activation, attention};
use crate::vlm::{Parameters, Scope};

const EPS: f64 = 1e-6;

/// Frozen, or trained where its parameters are variables.
#[derive(Clone, Debug)]
pub struct VisionTower {
    config: VisionConfig,
    patch_embed: Linear,
    blocks: Vec<Block>,
    merger: Merger,
    pub(super) interrupt: Interrupt,
}

#[derive(Clone, Debug)]
struct Block {
    norm1: LayerNorm,
    norm2: LayerNorm,
    qkv: Linear,
    proj: Linear,
    fc1: Linear,
    fc2: Linear,
    heads: usize,
}

#[derive(Clone, Debug)]
struct Merger {
    norm: LayerNorm,
    first: Linear,
    second: Linear,
}

/// What each part of the tower gives, for comparisons.
#[derive(Debug)]
pub struct VisionStates {
    /// `[images, patches, embed_dim]`: after the patch embedding, then after each block.
    pub blocks: Vec<Tensor>,
    /// `[images, merged tokens, hidden]`
    pub merged: Tensor,
}

impl VisionTower {
    /// Builds the tower from `visual.*`; `progress` is told the blocks done.
    ///
    /// # Errors
    /// Where a parameter is missing or of another shape.
    pub fn new(config: &Config, parameters: &dyn Parameters, mut progress: impl FnMut(usize)) -> Result<Self> {
        let c = &config.vision_config;
        let scope = Scope::new(parameters, "visual");
        let kernel = [
            c.embed_dim,
            c.in_chans,
            c.temporal_patch_size,
            c.patch_size,
            c.patch_size,
        ];
        // A convolution whose stride is its kernel is a linear layer over the flattened patch.
        let weight = scope.at("patch_embed.proj").get("weight", &kernel)?.flatten_from(1)?;
        let patch_embed = if scope.trained() {
            Linear::trained(weight, None)
        } else {
            Linear::frozen(weight, None)
        };
        let blocks = (0..c.depth)
            .map(|i| {
                progress(i);
                Block::new(c, &scope.at("blocks").at(i))
            })
            .collect::<Result<_>>()?;
        let wide = c.embed_dim * c.spatial_merge_size * c.spatial_merge_size;
        let scope = scope.at("merger");
        let merger = Merger {
            norm: layer_norm(&scope.at("ln_q"), c.embed_dim)?,
            first: scope.at("mlp.0").linear(wide, wide, true)?,
            second: scope.at("mlp.2").linear(c.hidden_size, wide, true)?,
        };
        Ok(Self {
            config: c.clone(),
            patch_embed,
            blocks,
            merger,
            interrupt: Interrupt::default(),
        })
    }

    /// Merged tokens `[images, patches / merge^2, hidden]` of pictures of the same `grid` (time, height, width, in
    /// patches): `pixels` is `[images, patches, channels * temporal * patch * patch]` in the tower's dtype.
    ///
    /// # Errors
    /// Where the shapes do not fit.
    pub fn forward(&self, pixels: &Tensor, grid: (usize, usize, usize)) -> Result<Tensor> {
        let (rotary, mask) = self.places(pixels, grid)?;
        let mut x = self.patch_embed.forward(pixels)?;
        for block in &self.blocks {
            self.interrupt.check()?;
            x = block.forward(&x, &rotary, &mask)?;
        }
        self.merge(&x)
    }

    /// As [`Self::forward`], keeping what each part gives.
    ///
    /// # Errors
    /// Where the shapes do not fit.
    pub fn states(&self, pixels: &Tensor, grid: (usize, usize, usize)) -> Result<VisionStates> {
        let (rotary, mask) = self.places(pixels, grid)?;
        let mut blocks = vec![self.patch_embed.forward(pixels)?];
        for block in &self.blocks {
            blocks.push(block.forward(&blocks[blocks.len() - 1], &rotary, &mask)?);
        }
        let merged = self.merge(&blocks[blocks.len() - 1])?;
        Ok(VisionStates { blocks, merged })
    }

    /// Where the patches stand, and that each sees all of its image: the same for all blocks.
    fn places(&self, pixels: &Tensor, grid: (usize, usize, usize)) -> Result<(Rotary, Mask)> {
        let (images, patches, _) = pixels.dims3()?;
        let head_dim = self.config.embed_dim / self.config.num_heads;
        let one = vision_angles(grid, self.config.spatial_merge_size, head_dim);
        let rotary = Rotary::new(
            &one.repeat(images),
            (images, patches, head_dim / 2),
            pixels.dtype(),
            pixels.device(),
        )?;
        Ok((rotary, Mask::full(images, patches, false)))
    }

    fn merge(&self, x: &Tensor) -> Result<Tensor> {
        let (images, patches, width) = x.dims3()?;
        let block = self.config.spatial_merge_size * self.config.spatial_merge_size;
        let x = self
            .merger
            .norm
            .forward(x)?
            .reshape((images, patches / block, block * width))?;
        self.merger.second.forward(&self.merger.first.forward(&x)?.gelu_erf()?)
    }
}

impl Block {
    fn new(c: &VisionConfig, scope: &Scope) -> Result<Self> {
        let (width, wide) = (c.embed_dim, (c.embed_dim as f64 * c.mlp_ratio) as usize);
        Ok(Self {
            norm1: layer_norm(&scope.at("norm1"), width)?,
            norm2: layer_norm(&scope.at("norm2"), width)?,
            qkv: scope.at("attn.qkv").linear(3 * width, width, true)?,
            proj: scope.at("attn.proj").linear(width, width, true)?,
            fc1: scope.at("mlp.fc1").linear(wide, width, true)?,
            fc2: scope.at("mlp.fc2").linear(width, wide, true)?,
            heads: c.num_heads,
        })
    }

    fn forward(&self, x: &Tensor, rotary: &Rotary, mask: &Mask) -> Result<Tensor> {
        let (images, patches, width) = x.dims3()?;
        let qkv = self.qkv.forward(&self.norm1.forward(x)?)?;
        let part = |i: usize| {
            qkv.narrow(2, i * width, width)?
                .reshape((images, patches, self.heads, width / self.heads))
        };
        let (q, k) = (rotary.apply(&part(0)?)?, rotary.apply(&part(1)?)?);
        let seen = attention(&q, &k, &part(2)?, mask)?;
        let x = self.proj.forward_onto(&seen, x)?;
        let wide = activation::quick_gelu(&self.fc1.forward(&self.norm2.forward(&x)?)?)?;
        self.fc2.forward_onto(&wide, &x)
    }
}

fn layer_norm(scope: &Scope, width: usize) -> Result<LayerNorm> {
    Ok(LayerNorm::new(
        scope.get("weight", &[width])?,
        scope.get("bias", &[width])?,
        EPS,
        scope.trained(),
    ))
}
