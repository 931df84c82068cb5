//! The vision tower: RMS norms, gated feed-forward networks, and attention within windows in most blocks.

use candle_core::{Result, Tensor};

use super::Windows;
use super::config::VisionConfig;
use crate::nn::{Interrupt, Linear, Mask, Rotary, attention};
use crate::vlm::tower::{Block, Merger, Mlp, Norm, Qkv, patch_embedding, reordered, rms_norm, vision_angles};
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
            c.hidden_size,
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
        let wide = c.hidden_size * patches;
        let scope = scope.at("merger");
        let merger = Merger {
            norm: Norm::Rms(rms_norm(&scope.at("ln_q"), c.hidden_size, EPS)?),
            norms_joined: false,
            first: scope.at("mlp.0").linear(wide, wide, true)?,
            second: scope.at("mlp.2").linear(c.out_hidden_size, wide, true)?,
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

    /// Merged tokens `[images, patches / merge^2, hidden]` in reading order, of pictures of the same `grid` (time, height,
    /// width, in patches): `pixels` is `[images, patches, channels * temporal * patch * patch]`. `part` is
    /// given the patch embedding and what each block makes of it, patches in merge order, although they stand window by window
    /// ([`Windows`]) in between.
    ///
    /// # Errors
    /// Where the shapes do not fit.
    pub fn forward(
        &self,
        pixels: &Tensor,
        grid: (usize, usize, usize),
        part: &mut dyn FnMut(&Tensor),
    ) -> Result<Tensor> {
        let (c, device) = (&self.config, pixels.device());
        let (images, patches, _) = pixels.dims3()?;
        let merge = c.spatial_merge_size;
        let windows = Windows::new((grid.1 / merge, grid.2 / merge), c.window());
        let order = windows.patches(self.merger.patches);
        let merge_order = Tensor::new(windows.patch_places(self.merger.patches), device)?;
        let rotary = self.rotary(pixels, grid, &order)?;
        let whole = Mask::full(images, patches, false);
        let mut x = self.patch_embed.forward(pixels)?;
        part(&x);
        x = reordered(&x, &Tensor::new(order, device)?)?;
        for (i, block) in self.blocks.iter().enumerate() {
            self.interrupt.check()?;
            x = block.forward(&x, Some(&rotary), |q, k, v| {
                if c.fullatt_block_indexes.contains(&i) {
                    attention(q, k, v, &whole)
                } else {
                    self.within(&windows, q, k, v)
                }
            })?;
            part(&reordered(&x, &merge_order)?);
        }
        let merged = self.merger.forward(&x)?;
        reordered(&merged, &Tensor::new(windows.places(), device)?)
    }

    /// Attention within each window; those of one size pass together.
    fn within(&self, windows: &Windows, q: &Tensor, k: &Tensor, v: &Tensor) -> Result<Tensor> {
        let (images, _, heads, head_dim) = q.dims4()?;
        let mut first = 0;
        let mut seen = Vec::with_capacity(windows.sizes.len());
        for (count, tokens) in &windows.sizes {
            let patches = tokens * self.merger.patches;
            let part = |x: &Tensor| {
                x.narrow(1, first, count * patches)?
                    .contiguous()?
                    .reshape((images * count, patches, heads, head_dim))
            };
            let mask = Mask::full(images * count, patches, false);
            let of_size = attention(&part(q)?, &part(k)?, &part(v)?, &mask)?;
            seen.push(of_size.reshape((images, count * patches, heads * head_dim))?);
            first += count * patches;
        }
        Tensor::cat(&seen, 1)
    }

    /// Of patches in the windows' order.
    fn rotary(&self, pixels: &Tensor, grid: (usize, usize, usize), order: &[u32]) -> Result<Rotary> {
        let (images, patches, _) = pixels.dims3()?;
        let head_dim = self.config.hidden_size / self.config.num_heads;
        let half = head_dim / 2;
        let angles = vision_angles(grid, self.config.spatial_merge_size, head_dim);
        let one: Vec<f64> = order
            .iter()
            .flat_map(|&patch| &angles[patch as usize * half..][..half])
            .copied()
            .collect();
        let shape = (images, patches, half);
        Rotary::new(&one.repeat(images), shape, pixels.dtype(), pixels.device())
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

    /// The probe is one window, in which all blocks see the same.
    fn settings(&self) -> String {
        let c = &self.config;
        let whole: Vec<usize> = (0..c.depth).filter(|i| c.fullatt_block_indexes.contains(i)).collect();
        format!("windows {} but in {whole:?}", c.window())
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
        norm1: Norm::Rms(rms_norm(&scope.at("norm1"), width, EPS)?),
        norm2: Norm::Rms(rms_norm(&scope.at("norm2"), width, EPS)?),
        qkv: Qkv::Joined(scope.at("attn.qkv").linear(3 * width, width, true)?),
        proj: scope.at("attn.proj").linear(width, width, true)?,
        mlp: Mlp::Gated {
            gate: scope.at("mlp.gate_proj").linear(wide, width, true)?,
            up: scope.at("mlp.up_proj").linear(wide, width, true)?,
            down: scope.at("mlp.down_proj").linear(width, wide, true)?,
        },
        heads: c.num_heads,
    })
}
