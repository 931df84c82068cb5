//! The vision tower: patches to merged tokens of the language model's width.

use candle_core::{Result, Tensor};

use super::config::VisionConfig;
use crate::nn::{Interrupt, Linear, Mask, Rotary, attention};
use crate::vlm::tower::{Activation, Block, Merger, Mlp, Norm, Qkv, layer_norm, patch_embedding, vision_angles};
use crate::vlm::vision::{Features, Picture, Tower, other_picture, pixels, rows};
use crate::vlm::{Parameters, Scope};

const EPS: f64 = 1e-6;

/// Frozen, or trained where its parameters are variables.
#[derive(Clone, Debug)]
pub struct VisionTower {
    config: VisionConfig,
    patch_embed: Linear,
    blocks: Vec<Block>,
    merger: Merger,
    interrupt: Interrupt,
}

impl VisionTower {
    /// Builds the tower from `visual.*`; `progress` is told the blocks done.
    ///
    /// # Errors
    /// Where a parameter is missing or of another shape.
    pub fn new(c: &VisionConfig, parameters: &dyn Parameters, progress: &mut dyn FnMut(usize)) -> Result<Self> {
        let scope = Scope::new(parameters, "visual");
        let kernel = [
            c.embed_dim,
            c.in_chans,
            c.temporal_patch_size,
            c.patch_size,
            c.patch_size,
        ];
        let patch_embed = patch_embedding(&scope.at("patch_embed.proj"), &kernel, false)?;
        let blocks = (0..c.depth)
            .map(|i| {
                progress(i);
                block(c, &scope.at("blocks").at(i))
            })
            .collect::<Result<_>>()?;
        let patches = c.spatial_merge_size * c.spatial_merge_size;
        let wide = c.embed_dim * patches;
        let scope = scope.at("merger");
        let merger = Merger {
            norm: Norm::Layer(layer_norm(&scope.at("ln_q"), c.embed_dim, EPS)?),
            norms_joined: false,
            first: scope.at("mlp.0").linear(wide, wide, true)?,
            second: scope.at("mlp.2").linear(c.hidden_size, wide, true)?,
            patches,
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
    /// patches): `pixels` is `[images, patches, channels * temporal * patch * patch]` in the tower's dtype. `part` is
    /// given the patch embedding and what each block makes of it, `[images, patches, embed_dim]`.
    ///
    /// # Errors
    /// Where the shapes do not fit.
    pub fn forward(
        &self,
        pixels: &Tensor,
        grid: (usize, usize, usize),
        part: &mut dyn FnMut(&Tensor),
    ) -> Result<Tensor> {
        let (rotary, mask) = self.places(pixels, grid)?;
        let mut x = self.patch_embed.forward(pixels)?;
        part(&x);
        for block in &self.blocks {
            self.interrupt.check()?;
            x = block.forward(&x, Some(&rotary), |q, k, v| attention(q, k, v, &mask))?;
            part(&x);
        }
        self.merger.forward(&x)
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
}

impl Tower for VisionTower {
    fn pass(&self, picture: &Picture, part: &mut dyn FnMut(&Tensor)) -> Result<Features> {
        let Picture::Grid(patches) = picture else {
            return Err(other_picture());
        };
        let (grid, merge) = (patches.grid, self.config.spatial_merge_size);
        let pixels = pixels(&patches.values, (1, grid.patches()), self.patch_embed.weight())?;
        let run = rows(&self.forward(&pixels, (grid.t, grid.h, grid.w), part)?)?;
        Ok(Features {
            run,
            grid: (grid.merged_h(merge), grid.merged_w(merge)),
            deep: Vec::new(),
        })
    }

    fn heed(&mut self, interrupt: &Interrupt) {
        self.interrupt = interrupt.clone();
    }

    fn sharing(&self) -> Box<dyn Tower> {
        Box::new(Self {
            interrupt: Interrupt::default(),
            ..self.clone()
        })
    }
}

fn block(c: &VisionConfig, scope: &Scope) -> Result<Block> {
    let (width, wide) = (c.embed_dim, (c.embed_dim as f64 * c.mlp_ratio) as usize);
    Ok(Block {
        norm1: Norm::Layer(layer_norm(&scope.at("norm1"), width, EPS)?),
        norm2: Norm::Layer(layer_norm(&scope.at("norm2"), width, EPS)?),
        qkv: Qkv::Joined(scope.at("attn.qkv").linear(3 * width, width, true)?),
        proj: scope.at("attn.proj").linear(width, width, true)?,
        mlp: Mlp::Plain {
            first: scope.at("mlp.fc1").linear(wide, width, true)?,
            second: scope.at("mlp.fc2").linear(width, wide, true)?,
            activation: Activation::QuickGelu,
        },
        heads: c.num_heads,
    })
}
