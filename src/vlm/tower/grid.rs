//! A tower over one grid of patches: what the Qwen families share, and their optional parts.

use candle_core::{Result, Tensor};

use super::{Block, GridSizes, Merger, PositionTable, Windowed, vision_angles};
use crate::nn::{Interrupt, Linear, Mask, Rotary};
use crate::vlm::vision::{Features, Picture, Tower, other_picture, pixels, rows};

/// Patches go through the blocks; then neighbouring ones are merged into tokens of the language model's width.
/// Parameters are frozen, or trained if they are variables.
#[derive(Clone, Debug)]
pub struct GridTower {
    /// Patches on a merged token's side.
    merge: usize,
    head_dim: usize,
    patch_embed: Linear,
    blocks: Vec<Block>,
    merger: Merger,
    /// Learned positions that are added to the embedded patches.
    pub positions: Option<PositionTable>,
    /// Set if some blocks attend only within windows.
    pub windowed: Option<Windowed>,
    /// Additional levels of features (DeepStack): for each, the block whose output is merged, and the merger.
    pub deep: Vec<(usize, Merger)>,
}

impl GridTower {
    /// A tower without learned positions, windows or additional levels.
    #[must_use]
    pub fn new(sizes: &GridSizes, patch_embed: Linear, blocks: Vec<Block>, merger: Merger) -> Self {
        Self {
            merge: sizes.spatial_merge_size,
            head_dim: sizes.width / sizes.num_heads,
            patch_embed,
            blocks,
            merger,
            positions: None,
            windowed: None,
            deep: Vec::new(),
        }
    }

    /// Merged tokens `[images, patches / merge^2, hidden]` in reading order, and those of each additional level, of
    /// pictures of the same `grid` (time, height, width, in patches). `pixels` is `[images, patches, channels *
    /// temporal * patch * patch]` in the tower's dtype. `part` receives the embedded patches and each block's output,
    /// `[images, patches, width]` in merge order.
    ///
    /// # Errors
    /// Where the shapes do not fit, or once `interrupt` is set.
    pub fn forward(
        &self,
        pixels: &Tensor,
        grid: (usize, usize, usize),
        interrupt: &Interrupt,
        mut part: Option<&mut dyn FnMut(&Tensor)>,
    ) -> Result<(Tensor, Vec<Tensor>)> {
        let (images, patches, _) = pixels.dims3()?;
        // Shared by all blocks.
        let whole = Mask::full(images, patches, false);
        let tokens = (grid.1 / self.merge, grid.2 / self.merge);
        let windows = self.windowed.as_ref();
        let windows = windows.map(|windowed| windowed.cut(images, tokens, self.merger.patches, pixels.device()));
        let rotary = self.rotary(pixels, grid, windows.as_ref().map(|windows| windows.order.as_slice()))?;

        let mut x = self.patch_embed.forward(pixels)?;
        if let Some(positions) = &self.positions {
            x = x.broadcast_add(&positions.of(grid, self.merge)?)?;
        }
        if let Some(part) = &mut part {
            part(&x);
        }
        if let Some(windows) = &windows {
            x = windows.gathered(&x)?;
        }
        let merged = |merger: &Merger, x: &Tensor| {
            let merged = merger.forward(x)?;
            match &windows {
                Some(windows) => windows.tokens_back(&merged),
                None => Ok(merged),
            }
        };
        let mut deep = Vec::with_capacity(self.deep.len());
        for (i, block) in self.blocks.iter().enumerate() {
            interrupt.check()?;
            x = block.forward(&x, |attended| match &windows {
                Some(windows) if windows.apply_to(i) => {
                    let [q, k, v] = attended.parts()?;
                    windows.attention(&rotary.apply(&q)?, &rotary.apply(&k)?, &v)
                }
                _ => attended.attention(Some(&rotary), &whole),
            })?;
            if let Some(part) = &mut part {
                match &windows {
                    Some(windows) => part(&windows.patches_back(&x)?),
                    None => part(&x),
                }
            }
            if let Some((_, merger)) = self.deep.iter().find(|(block, _)| *block == i) {
                deep.push(merged(merger, &x)?);
            }
        }
        Ok((merged(&self.merger, &x)?, deep))
    }

    /// The angles of patches in merge order, or in the given order.
    fn rotary(&self, pixels: &Tensor, grid: (usize, usize, usize), order: Option<&[u32]>) -> Result<Rotary> {
        let (images, patches, _) = pixels.dims3()?;
        let half = self.head_dim / 2;
        let mut angles = vision_angles(grid, self.merge, self.head_dim);
        if let Some(order) = order {
            let of_patch = |&patch: &u32| &angles[patch as usize * half..][..half];
            angles = order.iter().flat_map(of_patch).copied().collect();
        }
        let shape = (images, patches, half);
        Rotary::new(&angles.repeat(images), shape, pixels.dtype(), pixels.device())
    }

    fn features(
        &self,
        picture: &Picture,
        interrupt: &Interrupt,
        part: Option<&mut dyn FnMut(&Tensor)>,
    ) -> Result<Features> {
        let Picture::Grid(patches) = picture else {
            return Err(other_picture());
        };
        let grid = patches.grid;
        let pixels = pixels(&patches.values, (1, grid.patches()), self.patch_embed.weight())?;
        let (merged, deep) = self.forward(&pixels, (grid.t, grid.h, grid.w), interrupt, part)?;
        Ok(Features {
            run: rows(&merged)?,
            grid: (grid.merged_h(self.merge), grid.merged_w(self.merge)),
            deep: deep.iter().map(rows).collect::<Result<_>>()?,
        })
    }
}

impl Tower for GridTower {
    fn pass(&self, picture: &Picture, interrupt: &Interrupt, part: &mut dyn FnMut(&Tensor)) -> Result<Features> {
        self.features(picture, interrupt, Some(part))
    }

    /// Skips the intermediate values: with windows they would have to be put back into merge order.
    fn look(&self, picture: &Picture, interrupt: &Interrupt) -> Result<Features> {
        self.features(picture, interrupt, None)
    }

    /// The windows, because the probe fits into one window, in which all blocks see the same; and the learned
    /// positions, because the probe reads only few of them.
    fn settings(&self) -> Result<String> {
        let windows = self.windowed.as_ref().map(Windowed::settings);
        let positions = self.positions.as_ref().map(PositionTable::settings).transpose()?;
        Ok(windows.into_iter().chain(positions).collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::vlm::base::open_weights;
    use crate::vlm::config_file::ConfigFile;
    use crate::vlm::pictures::{Grid, Patches};
    use crate::vlm::random_model;
    use crate::vlm::vision::waves;

    fn numbers(x: &Tensor) -> Vec<f32> {
        x.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn features_are_the_same_whether_parts_are_recorded_or_not() {
        // 3 x 5 merged tokens, which give windows of several sizes.
        let grid = Grid { t: 1, h: 6, w: 10 };
        for (family, config) in random_model::on_a_grid() {
            let blocks = config["vision_config"]["depth"].as_u64().unwrap() as usize;
            let patch = random_model::settings(family).1["patch_size"].as_u64().unwrap_or(14) as usize;
            let folder = random_model::folder(family);
            let file = ConfigFile::read(folder.path()).unwrap();
            let tower = open_weights(folder.path(), &file, (DType::F32, &Device::Cpu), None, |_, _| ())
                .unwrap()
                .tower;
            let values = waves(grid.patches() * 3 * 2 * patch * patch);
            let picture = Picture::Grid(Patches { values, grid });
            let mut parts = Vec::new();
            let never = Interrupt::default();
            let passed = tower
                .pass(&picture, &never, &mut |part| parts.push(part.dims().to_vec()))
                .unwrap();
            let looked = tower.look(&picture, &never).unwrap();
            assert_eq!(parts, vec![vec![1, grid.patches(), 32]; 1 + blocks], "{family:?}");
            assert_eq!(
                (looked.grid, numbers(&looked.run)),
                ((3, 5), numbers(&passed.run)),
                "{family:?}"
            );
            let deep = |features: &Features| features.deep.iter().map(numbers).collect::<Vec<_>>();
            assert_eq!(deep(&looked), deep(&passed), "{family:?}");
        }
    }
}
