//! The vision tower: layer norms and plain feed-forward networks.

use candle_core::Result;

use super::config::VisionConfig;
use crate::vlm::tower::{Activation, Block, GridTower, Merger, Mlp, Norm};
use crate::vlm::{Parameters, Scope};

/// Builds the tower from `visual.*`; `progress` receives the number of blocks done.
///
/// # Errors
/// Where a parameter is missing or of another shape.
pub fn tower(c: &VisionConfig, parameters: &dyn Parameters, progress: &mut dyn FnMut(usize)) -> Result<GridTower> {
    let (sizes, scope) = (&c.sizes, Scope::new(parameters, "visual"));
    let patch_embed = sizes.patch_embedding(&scope.at("patch_embed.proj"), false)?;
    let blocks = sizes.blocks(&scope.at("blocks"), progress, |scope| block(c, scope))?;
    let scope = scope.at("merger");
    let norm = Norm::layer(&scope.at("ln_q"), sizes.width)?;
    let merger = Merger::new(sizes, norm, false, [scope.at("mlp.0"), scope.at("mlp.2")])?;
    Ok(GridTower::new(sizes, patch_embed, blocks, merger))
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
