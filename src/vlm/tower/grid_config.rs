//! What a family with a tower over one grid of patches says of it; the rest of [`TowerConfig`] follows.

use std::fmt::Debug;
use std::path::Path;

use candle_core::Result as Computed;

use super::{GridSizes, GridTower};
use crate::vlm::Parameters;
use crate::vlm::pictures::{self, Defaults, PictureError};
use crate::vlm::vision::{Pictures, PixelLimits, Tower, TowerConfig};

/// A family's tower over one grid. [`TowerConfig`] is implemented in terms of it.
pub trait GridConfig: Debug + Send + Sync {
    /// The image processor of all models of the family.
    const PICTURES: Defaults;

    /// The sizes that every tower of the kind has.
    fn sizes(&self) -> &GridSizes;

    /// Builds the tower from `visual.*`; `progress` receives the number of blocks done.
    ///
    /// # Errors
    /// Where a parameter is missing or of another shape.
    fn tower(&self, parameters: &dyn Parameters, progress: &mut dyn FnMut(usize)) -> Computed<GridTower>;
}

impl<C: GridConfig> TowerConfig for C {
    fn blocks(&self) -> (&'static str, &'static str, usize) {
        ("visual.blocks.", "vision_config.depth", self.sizes().depth)
    }

    fn width(&self) -> usize {
        self.sizes().width
    }

    fn build(&self, parameters: &dyn Parameters, progress: &mut dyn FnMut(usize)) -> Computed<Box<dyn Tower>> {
        Ok(Box::new(self.tower(parameters, progress)?))
    }

    fn pictures(&self, folder: &Path, limits: PixelLimits) -> Result<(Box<dyn Pictures>, bool), PictureError> {
        let sizes = self.sizes();
        let sizes = [sizes.patch_size, sizes.temporal_patch_size, sizes.spatial_merge_size];
        pictures::of_grid(folder, &Self::PICTURES, sizes, limits)
    }
}
