//! CLIP, the projector to the language model's width, and the packing of the tiles' features into one run.

use std::path::Path;

use candle_core::{Result, Tensor};

use super::config::VisionConfig;
use super::pictures::TileProcessor;
use crate::nn::{Interrupt, LayerNorm, Linear, Mask};
use crate::vlm::pictures::{PictureError, Tiles};
use crate::vlm::tower::{Activation, Block, Mlp, Norm, Qkv, layer_norm, patch_embedding};
use crate::vlm::vision::{Features, Picture, Pictures, PixelLimits, Tower, TowerConfig, other_picture, pixels};
use crate::vlm::{Parameters, Scope};

/// The name prefix of the weights of CLIP's blocks.
const BLOCKS: &str = "visual.vision_model.encoder.layers.";

impl TowerConfig for VisionConfig {
    fn blocks(&self) -> (&'static str, &'static str, usize) {
        (BLOCKS, "vision_config.num_hidden_layers", self.num_hidden_layers)
    }

    fn least_blocks(&self) -> usize {
        self.passed
    }

    fn width(&self) -> usize {
        self.hidden_size
    }

    fn build(&self, parameters: &dyn Parameters, progress: &mut dyn FnMut(usize)) -> Result<Box<dyn Tower>> {
        Ok(Box::new(VisionTower::new(self, parameters, progress)?))
    }

    fn pictures(
        &self,
        folder: &Path,
        limits: PixelLimits,
    ) -> std::result::Result<(Box<dyn Pictures>, bool), PictureError> {
        let (processor, is_there) = TileProcessor::of_folder(folder, self, limits)?;
        Ok((Box::new(processor), is_there))
    }

    fn is_spare(&self, name: &str) -> bool {
        let block = name
            .strip_prefix(BLOCKS)
            .and_then(|rest| rest.split('.').next()?.parse().ok());
        name.starts_with("visual.vision_model.post_layernorm.")
            || block.is_some_and(|block: usize| block >= self.passed)
    }
}

/// Parameters are frozen, or trained if they are variables.
#[derive(Clone, Debug)]
pub struct VisionTower {
    patch_embed: Linear,
    /// `[1, 1, width]`
    class: Tensor,
    /// `[1 + patches, width]`
    positions: Tensor,
    norm: LayerNorm,
    /// Only the blocks that are run.
    blocks: Vec<Block>,
    projector: [Linear; 2],
    /// `[hidden]`: follows each row of the larger picture.
    newline: Tensor,
}

impl VisionTower {
    /// Builds the tower from `visual.vision_model.*`, `multi_modal_projector.*` and `image_newline`. `progress`
    /// receives the number of blocks done.
    ///
    /// # Errors
    /// Where a parameter is missing or of another shape.
    pub fn new(c: &VisionConfig, parameters: &dyn Parameters, progress: &mut dyn FnMut(usize)) -> Result<Self> {
        let clip = Scope::new(parameters, "visual.vision_model");
        let embeddings = clip.at("embeddings");
        let width = c.hidden_size;
        let kernel = [width, 3, c.patch_size, c.patch_size];
        let places = 1 + c.side() * c.side();
        let blocks = (0..c.passed)
            .map(|i| {
                progress(i);
                block(c, &clip.at("encoder.layers").at(i))
            })
            .collect::<Result<_>>()?;
        let projector = Scope::new(parameters, "multi_modal_projector");
        let hidden = c.out_hidden_size;
        Ok(Self {
            patch_embed: patch_embedding(&embeddings.at("patch_embedding"), &kernel, false)?,
            class: embeddings.get("class_embedding", &[width])?.reshape((1, 1, width))?,
            positions: embeddings.at("position_embedding").get("weight", &[places, width])?,
            norm: layer_norm(&clip.at("pre_layrnorm"), width, c.layer_norm_eps)?,
            blocks,
            projector: [
                projector.at("linear_1").linear(hidden, width, c.projector_bias)?,
                projector.at("linear_2").linear(hidden, hidden, c.projector_bias)?,
            ],
            newline: parameters.get("image_newline", &[hidden])?,
        })
    }

    /// Projected features `[tiles, patches, hidden]` of tiles `[tiles, patches, 3 * patch * patch]`, without the class
    /// token. `part` receives the embedded tokens, the first norm's output and each block's output.
    ///
    /// # Errors
    /// Where the shapes do not fit, or once `interrupt` is set.
    pub fn forward(&self, tiles: &Tensor, interrupt: &Interrupt, part: &mut dyn FnMut(&Tensor)) -> Result<Tensor> {
        let (count, patches, _) = tiles.dims3()?;
        let width = self.class.dim(2)?;
        let class = self.class.broadcast_as((count, 1, width))?;
        let mut x = Tensor::cat(&[&class, &self.patch_embed.forward(tiles)?], 1)?.broadcast_add(&self.positions)?;
        part(&x);
        x = self.norm.forward(&x)?;
        part(&x);
        let mask = Mask::full(count, 1 + patches, false);
        for block in &self.blocks {
            interrupt.check()?;
            x = block.forward(&x, |attended| attended.attention(None, &mask))?;
            part(&x);
        }
        let x = x.narrow(1, 1, patches)?.contiguous()?;
        let [first, second] = &self.projector;
        second.forward(&first.forward(&x)?.gelu_erf()?)
    }

    /// The own tile's tokens, then the larger picture's rows without its borders, each with a newline after it:
    /// `[rows, hidden]` of features `[tiles, patches, hidden]` (`pack_image_features` of transformers).
    ///
    /// # Errors
    /// Where the shapes do not fit.
    pub fn packed(&self, features: &Tensor, tiles: &Tiles) -> Result<Tensor> {
        let (_, _, hidden) = features.dims3()?;
        let (rows, columns) = tiles.larger;
        let side = tiles.side;
        let [(top, height), (left, width)] = tiles.shown;
        let larger = features
            .narrow(0, 1, rows * columns)?
            .reshape((rows, columns, side, side, hidden))?
            .transpose(1, 2)?
            .reshape((rows * side, columns * side, hidden))?
            .narrow(0, top, height)?
            .narrow(1, left, width)?;
        let newline = self
            .newline
            .reshape((1, 1, hidden))?
            .broadcast_as((height, 1, hidden))?;
        let larger = Tensor::cat(&[&larger, &newline], 1)?.reshape((height * (width + 1), hidden))?;
        Tensor::cat(&[&features.get(0)?, &larger], 0)
    }
}

/// Limits memory: a block's intermediate values are many times larger than the tile, and a picture may have hundreds of
/// tiles.
const TILES_AT_ONCE: usize = 8;

impl VisionTower {
    /// The features of a picture, computed `at_once` tiles at a time; tiles do not depend on one another.
    fn features(
        &self,
        tiles: &Tiles,
        at_once: usize,
        interrupt: &Interrupt,
        part: &mut dyn FnMut(&Tensor),
    ) -> Result<Features> {
        let patches = tiles.side * tiles.side;
        let count = tiles.count();
        let tile = tiles.values.len() / count;
        let forward = |values: &[f32]| -> Result<Tensor> {
            let pixels = pixels(values, (values.len() / tile.max(1), patches), self.patch_embed.weight())?;
            Ok(self.forward(&pixels, interrupt, part)?.detach())
        };
        let chunks = tiles.values.chunks((tile * at_once).max(1));
        let features = chunks.map(forward).collect::<Result<Vec<_>>>()?;
        Ok(Features {
            run: self.packed(&Tensor::cat(&features, 0)?, tiles)?.detach(),
            grid: (tiles.side, tiles.side),
            deep: Vec::new(),
        })
    }
}

impl Tower for VisionTower {
    fn pass(&self, picture: &Picture, interrupt: &Interrupt, part: &mut dyn FnMut(&Tensor)) -> Result<Features> {
        let Picture::Tiles(tiles) = picture else {
            return Err(other_picture());
        };
        self.features(tiles, tiles.count(), interrupt, part)
    }

    fn look(&self, picture: &Picture, interrupt: &Interrupt) -> Result<Features> {
        let Picture::Tiles(tiles) = picture else {
            return Err(other_picture());
        };
        self.features(tiles, TILES_AT_ONCE, interrupt, &mut |_| ())
    }
}

fn block(c: &VisionConfig, scope: &Scope) -> Result<Block> {
    let (width, wide) = (c.hidden_size, c.intermediate_size);
    let attention = scope.at("self_attn");
    let projection = |name: &str| attention.at(name).linear(width, width, true);
    Ok(Block {
        norm1: Norm::Layer(layer_norm(&scope.at("layer_norm1"), width, c.layer_norm_eps)?),
        norm2: Norm::Layer(layer_norm(&scope.at("layer_norm2"), width, c.layer_norm_eps)?),
        qkv: Qkv::Apart(Box::new([
            projection("q_proj")?,
            projection("k_proj")?,
            projection("v_proj")?,
        ])),
        proj: projection("out_proj")?,
        mlp: Mlp::Plain {
            first: scope.at("mlp.fc1").linear(wide, width, true)?,
            second: scope.at("mlp.fc2").linear(width, wide, true)?,
            activation: Activation::QuickGelu,
        },
        heads: c.num_attention_heads,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vlm::config_file::Family;
    use crate::vlm::random_model::{Noise, settings};
    use crate::vlm::vision::waves;

    #[test]
    fn many_tiles_pass_in_parts_and_give_the_same_bits() {
        let (mut config, _) = settings(Family::LlavaNext);
        // Wider than 64, like real towers. For narrower products gemm's order of additions depends on the number of
        // rows (up to 64 rows and columns, and again up to 256 results).
        for part in ["vision_config", "text_config"] {
            config[part]["hidden_size"] = 72.into();
            config[part]["intermediate_size"] = 72.into();
        }
        let config = crate::vlm::llava_next::config::parse(config.as_object().unwrap()).unwrap();
        let tower = VisionTower::new(&config.vision, &Noise::default(), &mut |_| ()).unwrap();
        // The last batch has only one tile.
        let tiles = Tiles {
            values: waves(17 * 3 * 28 * 28),
            side: 2,
            larger: (4, 4),
            shown: [(0, 8), (1, 6)],
        };
        let counted = |at_once: usize| {
            let mut counts = Vec::new();
            let never = Interrupt::default();
            let run = tower.features(&tiles, at_once, &never, &mut |part| counts.push(part.dims()[0]));
            counts.dedup();
            (run.unwrap().run, counts)
        };
        let ((whole, once), (_, parts)) = (counted(tiles.count()), counted(TILES_AT_ONCE));
        assert_eq!((once, parts), (vec![17], vec![8, 1]));
        assert_eq!(whole.dims(), [4 + 8 * 7, 72]);
        let bits = |run: &Tensor| -> Vec<u32> {
            let values: Vec<f32> = run.flatten_all().unwrap().to_vec1().unwrap();
            values.into_iter().map(f32::to_bits).collect()
        };
        let looked = tower
            .look(&Picture::Tiles(tiles.clone()), &Interrupt::default())
            .unwrap()
            .run;
        assert!(bits(&looked) == bits(&whole));
    }
}
