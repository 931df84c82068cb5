//! The vision tower: RMS norms, gated feed-forward networks, and attention within windows in most blocks.

use candle_core::Result;

use super::config::{PICTURES, VisionConfig};
use crate::vlm::pictures::Defaults;
use crate::vlm::tower::{Block, GridConfig, GridSizes, GridTower, Merger, Mlp, Norm, Windowed};
use crate::vlm::{Parameters, Scope};

impl GridConfig for VisionConfig {
    const PICTURES: Defaults = PICTURES;

    fn sizes(&self) -> &GridSizes {
        &self.sizes
    }

    fn tower(&self, parameters: &dyn Parameters, progress: &mut dyn FnMut(usize)) -> Result<GridTower> {
        let (sizes, scope) = (&self.sizes, Scope::new(parameters, "visual"));
        let patch_embed = sizes.patch_embedding(&scope.at("patch_embed.proj"), false)?;
        let blocks = sizes.blocks(&scope.at("blocks"), progress, |scope| block(self, scope))?;
        let scope = scope.at("merger");
        let norm = Norm::rms(&scope.at("ln_q"), sizes.width)?;
        let merger = Merger::new(sizes, norm, false, [scope.at("mlp.0"), scope.at("mlp.2")])?;
        let whole = (0..sizes.depth).filter(|block| self.fullatt_block_indexes.contains(block));
        let windowed = Windowed {
            side: self.window(),
            whole: whole.collect(),
        };
        let mut tower = GridTower::new(sizes, patch_embed, blocks, merger);
        tower.windowed = Some(windowed);
        Ok(tower)
    }
}

fn block(c: &VisionConfig, scope: &Scope) -> Result<Block> {
    let (width, wide) = (c.sizes.width, c.intermediate_size);
    let mlp = Mlp::Gated {
        gate: scope.at("mlp.gate_proj").linear(wide, width, true)?,
        up: scope.at("mlp.up_proj").linear(wide, width, true)?,
        down: scope.at("mlp.down_proj").linear(width, wide, true)?,
    };
    Block::of_grid(&c.sizes, scope, Norm::rms, mlp)
}
