//! The vision tower: learned positions beside the rotary ones, and a merger for each level of features.

use candle_core::Result;

use super::config::{PICTURES, VisionConfig};
use crate::vlm::pictures::Defaults;
use crate::vlm::tower::{Activation, Block, GridConfig, GridSizes, GridTower, Merger, Mlp, Norm, PositionTable};
use crate::vlm::{Parameters, Scope};

impl GridConfig for VisionConfig {
    const PICTURES: Defaults = PICTURES;

    fn sizes(&self) -> &GridSizes {
        &self.sizes
    }

    fn tower(&self, parameters: &dyn Parameters, progress: &mut dyn FnMut(usize)) -> Result<GridTower> {
        let (sizes, scope) = (&self.sizes, Scope::new(parameters, "visual"));
        let patch_embed = sizes.patch_embedding(&scope.at("patch_embed.proj"), true)?;
        let positions = PositionTable::new(&scope.at("pos_embed"), self.num_position_embeddings, sizes.width)?;
        let blocks = sizes.blocks(&scope.at("blocks"), progress, |scope| block(self, scope))?;
        let levels = scope.at("deepstack_merger_list");
        let deep = self.deepstack_visual_indexes.iter().enumerate();
        let deep = deep.map(|(level, &block)| Ok((block, merger(self, &levels.at(level), true)?)));
        let deep = deep.collect::<Result<_>>()?;
        let mut tower = GridTower::new(sizes, patch_embed, blocks, merger(self, &scope.at("merger"), false)?);
        tower.positions = Some(positions);
        tower.deep = deep;
        Ok(tower)
    }
}

fn block(c: &VisionConfig, scope: &Scope) -> Result<Block> {
    let (width, wide) = (c.sizes.width, c.intermediate_size);
    let mlp = Mlp::Plain {
        first: scope.at("mlp.linear_fc1").linear(wide, width, true)?,
        second: scope.at("mlp.linear_fc2").linear(width, wide, true)?,
        activation: Activation::TanhGelu,
    };
    Block::of_grid(&c.sizes, scope, Norm::layer, mlp)
}

/// The main merger's norm is over each patch; the norms of the deeper levels' mergers are over the joined patches.
fn merger(c: &VisionConfig, scope: &Scope, norms_joined: bool) -> Result<Merger> {
    let patches = if norms_joined { c.sizes.merged_patches() } else { 1 };
    let norm = Norm::layer(&scope.at("norm"), c.sizes.width * patches)?;
    Merger::new(
        &c.sizes,
        norm,
        norms_joined,
        [scope.at("linear_fc1"), scope.at("linear_fc2")],
    )
}
