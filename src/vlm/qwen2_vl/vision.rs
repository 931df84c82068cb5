//! The vision tower: layer norms and plain feed-forward networks.

use candle_core::Result;

use super::config::{PICTURES, VisionConfig};
use crate::vlm::pictures::Defaults;
use crate::vlm::tower::{Activation, Block, GridConfig, GridSizes, GridTower, Merger, Mlp, Norm};
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
        let norm = Norm::layer(&scope.at("ln_q"), sizes.width)?;
        let merger = Merger::new(sizes, norm, false, [scope.at("mlp.0"), scope.at("mlp.2")])?;
        Ok(GridTower::new(sizes, patch_embed, blocks, merger))
    }
}

fn block(c: &VisionConfig, scope: &Scope) -> Result<Block> {
    let width = c.sizes.width;
    let wide = (width as f64 * c.mlp_ratio) as usize;
    let mlp = Mlp::Plain {
        first: scope.at("mlp.fc1").linear(wide, width, true)?,
        second: scope.at("mlp.fc2").linear(width, wide, true)?,
        activation: Activation::QuickGelu,
    };
    Block::of_grid(&c.sizes, scope, Norm::layer, mlp)
}
