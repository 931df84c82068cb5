//! The vision tower: learned and rotary positions, and a merger for each level of features.

use candle_core::{Result, Tensor};

use super::config::VisionConfig;
use super::position::PositionTable;
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
    positions: PositionTable,
    blocks: Vec<Block>,
    merger: Merger,
    /// In the order of `deepstack_visual_indexes`.
    deep_mergers: Vec<Merger>,
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
            c.hidden_size,
            c.in_channels,
            c.temporal_patch_size,
            c.patch_size,
            c.patch_size,
        ];
        let patch_embed = patch_embedding(&scope.at("patch_embed.proj"), &kernel, true)?;
        let rows = c.num_position_embeddings;
        let positions = PositionTable {
            table: scope.at("pos_embed").get("weight", &[rows, c.hidden_size])?,
            side: rows.isqrt(),
        };
        let blocks = (0..c.depth)
            .map(|i| {
                progress(i);
                block(c, &scope.at("blocks").at(i))
            })
            .collect::<Result<_>>()?;
        let deep = scope.at("deepstack_merger_list");
        let deep_mergers = (0..c.deepstack_visual_indexes.len())
            .map(|level| merger(c, &deep.at(level), true))
            .collect::<Result<_>>()?;
        Ok(Self {
            config: c.clone(),
            patch_embed,
            positions,
            blocks,
            merger: merger(c, &scope.at("merger"), false)?,
            deep_mergers,
            interrupt: Interrupt::default(),
        })
    }

    /// Merged tokens `[images, patches / merge^2, hidden]` of pictures of the same `grid` (time, height, width, in
    /// patches), and those of each deeper level: `pixels` is `[images, patches, channels * temporal * patch * patch]`. `part`
    /// is given the embedded patches and what each block makes of them.
    ///
    /// # Errors
    /// Where the shapes do not fit.
    pub fn forward(
        &self,
        pixels: &Tensor,
        grid: (usize, usize, usize),
        part: &mut dyn FnMut(&Tensor),
    ) -> Result<(Tensor, Vec<Tensor>)> {
        let (images, patches, _) = pixels.dims3()?;
        let head_dim = self.config.hidden_size / self.config.num_heads;
        let angles = vision_angles(grid, self.config.spatial_merge_size, head_dim).repeat(images);
        let shape = (images, patches, head_dim / 2);
        let rotary = Rotary::new(&angles, shape, pixels.dtype(), pixels.device())?;
        let mask = Mask::full(images, patches, false);
        let positions = self.positions.of(grid, self.config.spatial_merge_size)?;
        let mut x = self.patch_embed.forward(pixels)?.broadcast_add(&positions)?;
        part(&x);
        let mut deep = Vec::with_capacity(self.deep_mergers.len());
        for (i, block) in self.blocks.iter().enumerate() {
            self.interrupt.check()?;
            x = block.forward(&x, Some(&rotary), |q, k, v| attention(q, k, v, &mask))?;
            part(&x);
            let level = self
                .config
                .deepstack_visual_indexes
                .iter()
                .position(|&block| block == i);
            if let Some(merger) = level.and_then(|level| self.deep_mergers.get(level)) {
                deep.push(merger.forward(&x)?);
            }
        }
        Ok((self.merger.forward(&x)?, deep))
    }
}

impl Tower for VisionTower {
    fn pass(&self, picture: &Picture, part: &mut dyn FnMut(&Tensor)) -> Result<Features> {
        let Picture::Grid(patches) = picture else {
            return Err(other_picture());
        };
        let (grid, merge) = (patches.grid, self.config.spatial_merge_size);
        let pixels = pixels(&patches.values, (1, grid.patches()), self.patch_embed.weight())?;
        let (merged, deep) = self.forward(&pixels, (grid.t, grid.h, grid.w), part)?;
        Ok(Features {
            run: rows(&merged)?,
            grid: (grid.merged_h(merge), grid.merged_w(merge)),
            deep: deep.iter().map(rows).collect::<Result<_>>()?,
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
    let (width, wide) = (c.hidden_size, c.intermediate_size);
    Ok(Block {
        norm1: Norm::Layer(layer_norm(&scope.at("norm1"), width, EPS)?),
        norm2: Norm::Layer(layer_norm(&scope.at("norm2"), width, EPS)?),
        qkv: Qkv::Joined(scope.at("attn.qkv").linear(3 * width, width, true)?),
        proj: scope.at("attn.proj").linear(width, width, true)?,
        mlp: Mlp::Plain {
            first: scope.at("mlp.linear_fc1").linear(wide, width, true)?,
            second: scope.at("mlp.linear_fc2").linear(width, wide, true)?,
            activation: Activation::TanhGelu,
        },
        heads: c.num_heads,
    })
}

/// The last merger norms each patch, those of the deeper levels the joined ones.
fn merger(c: &VisionConfig, scope: &Scope, norms_joined: bool) -> Result<Merger> {
    let patches = c.spatial_merge_size * c.spatial_merge_size;
    let wide = c.hidden_size * patches;
    let normed = if norms_joined { wide } else { c.hidden_size };
    Ok(Merger {
        norm: Norm::Layer(layer_norm(&scope.at("norm"), normed, EPS)?),
        norms_joined,
        first: scope.at("linear_fc1").linear(wide, wide, true)?,
        second: scope.at("linear_fc2").linear(c.out_hidden_size, wide, true)?,
        patches,
    })
}
