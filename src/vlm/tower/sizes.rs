//! The sizes of a tower over one grid of patches in config.json, for all families that have one.

use candle_core::Result as Computed;

use super::patch_embedding;
use crate::nn::Linear;
use crate::vlm::Scope;
use crate::vlm::config_file::Keys;

/// The part of config.json that describes the tower.
const PART: &str = "vision_config";

/// Sizes that every tower of this kind has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GridSizes {
    /// Number of blocks.
    pub depth: usize,
    /// The blocks' width.
    pub width: usize,
    pub num_heads: usize,
    pub in_channels: usize,
    /// The language model's width.
    pub out_hidden_size: usize,
    pub patch_size: usize,
    /// Patches on a merged token's side.
    pub spatial_merge_size: usize,
    /// Frames of a patch.
    pub temporal_patch_size: usize,
}

/// A family's names of the sizes, and their values if they are missing.
#[derive(Debug, Clone, Copy)]
pub struct GridKeys {
    pub depth: usize,
    pub width: (&'static str, usize),
    pub num_heads: usize,
    /// The key's name; if the key is missing, the size is the language model's width.
    pub out_hidden_size: &'static str,
    pub patch_size: (&'static [&'static str], usize),
    pub spatial_merge_size: usize,
    pub temporal_patch_size: usize,
}

impl GridSizes {
    /// The largest `patch_size`, `spatial_merge_size` and `temporal_patch_size`: the image processor's limits, so that
    /// their products do not overflow.
    const MOST: [usize; 3] = [256, 16, 16];

    /// Reads the sizes for a language model of width `hidden`.
    ///
    /// # Errors
    /// A message for values that are out of range or inconsistent.
    pub fn of(keys: &Keys, names: &GridKeys, hidden: usize) -> Result<Self, String> {
        let [most_patch, most_merge, most_frames] = Self::MOST;
        let (width, usual_width) = names.width;
        let (patch, usual_patch) = names.patch_size;
        let sizes = Self {
            depth: keys.size(&["depth"], Some(names.depth))?,
            width: keys.size(&[width], Some(usual_width))?,
            num_heads: keys.size(&["num_heads"], Some(names.num_heads))?,
            in_channels: keys.channels()?,
            out_hidden_size: keys.size(&[names.out_hidden_size], Some(hidden))?,
            patch_size: keys.size_up_to(most_patch, patch, usual_patch)?,
            spatial_merge_size: keys.size_up_to(most_merge, &["spatial_merge_size"], names.spatial_merge_size)?,
            temporal_patch_size: keys.size_up_to(most_frames, &["temporal_patch_size"], names.temporal_patch_size)?,
        };
        if !sizes.width.is_multiple_of(4 * sizes.num_heads) {
            return Err(format!("`{PART}.{width}` is not a multiple of 4 x `num_heads`"));
        }
        if sizes.out_hidden_size != hidden {
            let out = names.out_hidden_size;
            return Err(format!("`{PART}.{out}` is not the language model's `hidden_size`"));
        }
        Ok(sizes)
    }

    /// The number of patches in a merged token.
    #[must_use]
    pub const fn merged_patches(&self) -> usize {
        self.spatial_merge_size * self.spatial_merge_size
    }

    /// The layer at `scope` that embeds patches.
    ///
    /// # Errors
    /// Where a parameter is missing or of another shape.
    pub fn patch_embedding(&self, scope: &Scope, bias: bool) -> Computed<Linear> {
        let kernel = [
            self.width,
            self.in_channels,
            self.temporal_patch_size,
            self.patch_size,
            self.patch_size,
        ];
        patch_embedding(scope, &kernel, bias)
    }

    /// The blocks below `scope`, each built by `block`; `progress` receives the number of blocks done.
    ///
    /// # Errors
    /// As [`Self::patch_embedding`].
    pub fn blocks<B>(
        &self,
        scope: &Scope,
        progress: &mut dyn FnMut(usize),
        block: impl Fn(&Scope) -> Computed<B>,
    ) -> Computed<Vec<B>> {
        let blocks = (0..self.depth).map(|i| {
            progress(i);
            block(&scope.at(i))
        });
        blocks.collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::vlm::model_config::ModelConfig;
    use crate::vlm::random_model;

    #[test]
    fn sizes_whose_products_overflow_are_refused_by_their_keys() {
        for (family, config) in random_model::on_a_grid() {
            for (key, most) in [
                ("patch_size", 256),
                ("spatial_merge_size", 16),
                ("temporal_patch_size", 16),
            ] {
                let read = |size: usize| {
                    let mut config = config.clone();
                    // Makes the window large enough for any merged patch.
                    config["vision_config"]["window_size"] = json!(4096);
                    config["vision_config"][key] = json!(size);
                    ModelConfig::of_keys(family, config.as_object().unwrap()).map(drop)
                };
                assert_eq!(read(most), Ok(()), "{family:?} {key}");
                let said = format!("`vision_config.{key}` is {}, and should be at most {most}", most + 1);
                assert_eq!(read(most + 1), Err(said), "{family:?}");
                assert!(read(1 << 24).is_err());
            }
        }
    }
}
