//! The image processor ("anyres"): the whole picture squeezed to one square tile, and a larger version with the
//! picture's proportions and black borders, cut into several tiles.

use std::path::Path;

use image::{RgbImage, imageops};
use serde::Deserialize;
use serde_json::Value;

use super::config::{VisionConfig, pinpoints};
use crate::vlm::pictures::{
    CLIP_MEAN, CLIP_STD, Filter, LONGEST_SIDE, Normalisation, PictureError, ProcessorFile, Table, Tiles, limited_size,
    resize,
};
use crate::vlm::vision::{Picture, Pictures, PixelLimits, waves};

/// Cuts pictures into tiles.
#[derive(Debug, Clone)]
pub struct TileProcessor {
    /// A tile's side, and a patch's, in pixels.
    tile: usize,
    patch: usize,
    /// Heights and widths of the larger picture.
    pinpoints: Vec<[usize; 2]>,
    normalisation: Normalisation,
    table: Table,
}

/// The keys of `preprocessor_config.json` that are used, besides those of the normalisation.
#[derive(Default, Deserialize)]
struct Keys {
    image_grid_pinpoints: Option<Value>,
    crop_size: Option<Value>,
}

impl TileProcessor {
    /// Reads a model folder's settings, which must match its tower. The second value says whether the folder has any.
    ///
    /// # Errors
    /// If settings cannot be read or belong to another tower, or if pixel limits are given, which this family does not
    /// support.
    pub fn of_folder(folder: &Path, c: &VisionConfig, limits: PixelLimits) -> Result<(Self, bool), PictureError> {
        if limits != PixelLimits::default() {
            let key = if limits.max.is_some() {
                "max_pixels"
            } else {
                "min_pixels"
            };
            return Err(PictureError::Setting {
                key,
                reason:
                    "is of models that see a picture at its own size; this one cuts it into tiles of a fixed size, so \
                         remove the setting"
                        .to_owned(),
            });
        }
        let file = ProcessorFile::of(folder)?;
        let misfit = |reason: String| PictureError::Mismatch {
            folder: folder.to_owned(),
            reason,
        };
        let keys: Keys = ProcessorFile::read(file.as_ref())?;
        let sizes =
            pinpoints(keys.image_grid_pinpoints.as_ref()).map_err(|reason| misfit(format!("is wrong: {reason}")))?;
        if sizes.is_some_and(|sizes| sizes != c.image_grid_pinpoints) {
            return Err(misfit("has other `image_grid_pinpoints` than config.json".to_owned()));
        }
        if let Some(crop) = keys
            .crop_size
            .as_ref()
            .and_then(side_of)
            .filter(|side| *side != c.image_size as u64)
        {
            return Err(misfit(format!(
                "has tiles of {crop} pixels (`crop_size`), and config.json of {}; the two files are not of one model",
                c.image_size
            )));
        }
        let normalisation = Normalisation::of(file.as_ref(), CLIP_MEAN, CLIP_STD)?;
        normalisation.check()?;
        let processor = Self {
            tile: c.image_size,
            patch: c.patch_size,
            pinpoints: c.image_grid_pinpoints.clone(),
            normalisation,
            table: normalisation.table(),
        };
        Ok((processor, file.is_some()))
    }

    /// The tiles of a picture.
    ///
    /// # Errors
    /// If the picture is so long that none of it would be visible.
    pub fn tiles(&self, picture: &RgbImage) -> Result<Tiles, PictureError> {
        let (width, height) = limited_size(picture.width(), picture.height());
        let size = (height as usize, width as usize);
        let best = best_size(size, &self.pinpoints);
        let larger = best
            .filter(|_| size.0 > 0 && size.1 > 0)
            .map(|best| (best, shown_size(size, best), self.shown(size, best)));
        let Some((best, inner, shown)) = larger.filter(|(.., shown)| shown.iter().all(|(_, count)| *count > 0)) else {
            return Err(PictureError::AspectRatio {
                width: picture.width(),
                height: picture.height(),
                most: best.map_or(0, |best| self.longest(size, best)),
            });
        };
        let limited = if (width, height) == picture.dimensions() {
            picture
        } else {
            &resize(picture, width, height, Filter::Lanczos)
        };
        let tile = self.tile as u32;
        let mut canvas = RgbImage::new(best.1 as u32, best.0 as u32);
        let resized = resize(limited, inner.1 as u32, inner.0 as u32, Filter::Bicubic);
        let (left, top) = ((best.1 - inner.1) / 2, (best.0 - inner.0) / 2);
        imageops::replace(&mut canvas, &resized, left as i64, top as i64);

        let rows = best.0 / self.tile;
        let columns = best.1 / self.tile;
        let side = self.tile / self.patch;
        let mut values = Vec::with_capacity((1 + rows * columns) * 3 * self.tile * self.tile);
        self.patches(&resize(limited, tile, tile, Filter::Bicubic), (0, 0), &mut values);
        for row in 0..rows {
            for column in 0..columns {
                self.patches(&canvas, (row * self.tile, column * self.tile), &mut values);
            }
        }
        Ok(Tiles {
            values,
            side,
            larger: (rows, columns),
            shown,
        })
    }

    /// The patches of a larger picture of `best` pixels that show a picture of `size`, both (height, width): first and
    /// number of the rows, then of the columns (`unpad_image` of transformers).
    fn shown(&self, size: (usize, usize), best: (usize, usize)) -> [(usize, usize); 2] {
        let (rows, columns) = (best.0 / self.patch, best.1 / self.patch);
        let (height, width) = (size.0 as f64, size.1 as f64);
        let kept = |all: usize, extent: f64| {
            // Rounds as Python's round(x, 7) does, to the nearest decimal.
            let extent = format!("{extent:.7}").parse().unwrap_or(extent) as usize;
            let border = all.saturating_sub(extent) / 2;
            (border, all - 2 * border)
        };
        if width / height > columns as f64 / rows as f64 {
            let scale = columns as f64 / width;
            [kept(rows, height * scale), (0, columns)]
        } else {
            let scale = rows as f64 / height;
            [(0, rows), kept(columns, width * scale)]
        }
    }

    /// The largest ratio of a picture's sides at which a row or column of patches still shows it. `size` is the
    /// picture's, `best` the larger picture's, both (height, width). If the number of patches across is odd, the middle
    /// one always shows it; then the picture only has to survive being shrunk.
    const fn longest(&self, size: (usize, usize), best: (usize, usize)) -> u32 {
        let (along, across) = if size.1 > size.0 { (best.1, best.0) } else { best };
        let along = (along / self.patch) as u32;
        if (across / self.patch).is_multiple_of(2) && along < LONGEST_SIDE {
            along
        } else {
            LONGEST_SIDE
        }
    }

    /// The patches of the tile whose corner is at (row, column) of a picture; values in the order channel, y, x.
    fn patches(&self, picture: &RgbImage, (top, left): (usize, usize), values: &mut Vec<f32>) {
        let side = self.tile / self.patch;
        for (y, x) in (0..side).flat_map(|y| (0..side).map(move |x| (y, x))) {
            let corner = (top + y * self.patch, left + x * self.patch);
            self.table.patch(picture, corner, (self.patch, 1), values);
        }
    }
}

/// A size as a number of pixels or as `{"height": .., "width": ..}`.
fn side_of(size: &Value) -> Option<u64> {
    size.as_u64().or_else(|| size.get("height")?.as_u64())
}

/// The larger picture's size that shows most pixels of a picture of `size`; among equals the one that wastes least, and
/// among those the first (`select_best_resolution`). All are (height, width).
fn best_size((height, width): (usize, usize), pinpoints: &[[usize; 2]]) -> Option<(usize, usize)> {
    let mut best: Option<((usize, usize), usize, usize)> = None;
    for &[high, wide] in pinpoints {
        let scale = (wide as f64 / width as f64).min(high as f64 / height as f64);
        let inner = (width as f64 * scale) as usize * (height as f64 * scale) as usize;
        let seen = inner.min(width * height);
        let wasted = high * wide - seen.min(high * wide);
        let is_better = best.is_none_or(|(_, most, least)| seen > most || (seen == most && wasted < least));
        if is_better {
            best = Some(((high, wide), seen, wasted));
        }
    }
    best.map(|(size, ..)| size)
}

/// The picture's size inside a larger picture of `best` pixels: it fills one side, and the other is rounded up
/// (`get_patch_output_size`).
fn shown_size((height, width): (usize, usize), best: (usize, usize)) -> (usize, usize) {
    let (across, down) = (best.1 as f64 / width as f64, best.0 as f64 / height as f64);
    if across < down {
        (((height as f64 * across).ceil() as usize).min(best.0), best.1)
    } else {
        (best.0, ((width as f64 * down).ceil() as usize).min(best.1))
    }
}

impl Pictures for TileProcessor {
    fn prepare(&self, picture: &RgbImage) -> Result<Picture, PictureError> {
        Ok(Picture::Tiles(self.tiles(picture)?))
    }

    /// Blanks the tokens in the own tile, and the same parts in the larger picture.
    fn blank(&self, picture: &mut Picture, tokens: &[usize]) {
        let Picture::Tiles(tiles) = picture else { return };
        let (side, width) = (tiles.side, 3 * self.patch * self.patch);
        let tile = side * side;
        let columns = tiles.larger.1;
        let [rows_shown, columns_shown] = tiles.shown;
        let mut blank = |patch: usize| {
            if let Some(values) = tiles.values.get_mut(patch * width..(patch + 1) * width) {
                values.fill(0.0);
            }
        };
        for &token in tokens.iter().filter(|&&token| token < tile) {
            blank(token);
            let part = |(first, count): (usize, usize), at: usize| {
                first + at * count / side..first + ((at + 1) * count).div_ceil(side)
            };
            for row in part(rows_shown, token / side) {
                for column in part(columns_shown, token % side) {
                    let of_tile = 1 + row / side * columns + column / side;
                    blank(of_tile * tile + row % side * side + column % side);
                }
            }
        }
    }

    fn probe(&self) -> Picture {
        let side = self.tile / self.patch;
        Picture::Tiles(Tiles {
            values: waves(2 * 3 * self.tile * self.tile),
            side,
            larger: (1, 1),
            shown: [(0, side); 2],
        })
    }

    fn settings(&self) -> String {
        let Normalisation {
            mean,
            std,
            rescale_factor,
        } = self.normalisation;
        let (tile, patch, pinpoints) = (self.tile, self.patch, &self.pinpoints);
        format!("tiles {tile} {patch} {pinpoints:?} {mean:?} {std:?} {rescale_factor}")
    }
}

#[cfg(test)]
#[path = "pictures_tests.rs"]
mod tests;
