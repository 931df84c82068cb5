//! The frozen model: image processor, vision tower, language model, and what the aspect modules make of an image.

use candle_core::{D, DType, Tensor};

use super::report::Report;
use super::slice::Slice;
use crate::data::image_file::{DecodeOptions, decode};
use crate::engine::error::EngineError;
use crate::nn::{Interrupt, Mask};
use crate::vlm::decoder::{DeepRows, ForwardOptions, Positions, Vocabulary};
use crate::vlm::vision::{Features, Picture};

/// Checks the image's way to its features, which it returns.
pub fn vision(slice: &Slice, report: &mut Report) -> Result<Features, EngineError> {
    let bound = report.bounds.values;
    let picture = slice
        .pictures
        .prepare(&decode(&slice.path("picture.png"), DecodeOptions::default())?)?;
    if let Picture::Grid(patches) = &picture {
        let grid = (patches.grid.t, patches.grid.h, patches.grid.w);
        report.equal("image grid", slice.cases.grid == Some(grid));
    }
    let want = slice.want("pixel_values")?;
    let values = pixel_values(&picture);
    // For the other families the slice holds only some rows.
    let pixels = match slice.want("pixel_values_rows") {
        Err(_) => values,
        Ok(kept) => {
            let width = want.dim(D::Minus1)?;
            let kept = kept.to_dtype(DType::U32)?.to_vec1::<u32>()?;
            let rows = kept
                .iter()
                .filter_map(|&row| values.get(row as usize * width..(row as usize + 1) * width));
            rows.flatten().copied().collect()
        }
    };
    let pixels = Tensor::from_slice(&pixels, pixels.len(), &slice.device)?;
    report.close("pixel values", &pixels, &want.flatten_all()?, 1e-6)?;
    let mut parts = Vec::new();
    let features = slice
        .model
        .tower
        .pass(&picture, &Interrupt::default(), &mut |part| parts.push(part.clone()))?;
    // CLIP has a norm before its first block, whose result the slice calls its input.
    let first = usize::from(matches!(picture, Picture::Tiles(_)));
    let blocks = (0..parts.len()).map(|block| format!("vision.block.{block}"));
    let names = ["vision.patch_embed".to_owned()].into_iter().chain(blocks);
    for (part, name) in parts.iter().skip(first).zip(names) {
        match slice.want(&name) {
            Ok(want) => report.close(&name, part, want, bound)?,
            // Qwen2-VL's and CLIP's slices stop before the last block.
            Err(_) => break,
        }
    }
    let tokens = features.tokens()?;
    report.close("vision.features", &tokens, slice.want("vision.features")?, bound)?;
    if features.run.dims() != tokens.dims() {
        report.close("vision.run", &features.run, slice.want("vision.run")?, bound)?;
    }
    for (level, deep) in features.deep.iter().enumerate() {
        let name = format!("vision.deep.{level}");
        report.close(&name, deep, slice.want(&name)?, bound)?;
    }
    Ok(features)
}

/// Patch by patch; of tiles line by line of each channel, as a picture lies in memory.
fn pixel_values(picture: &Picture) -> Vec<f32> {
    let tiles = match picture {
        Picture::Grid(patches) => return patches.values.clone(),
        Picture::Tiles(tiles) => tiles,
    };
    let cells = tiles.side * tiles.side;
    let patch = (tiles.values.len() / (tiles.count() * cells * 3)).isqrt();
    let pixels = tiles.side * patch;
    let mut values = Vec::with_capacity(tiles.values.len());
    for (tile, channel, y) in
        (0..tiles.count()).flat_map(|tile| (0..3).flat_map(move |channel| (0..pixels).map(move |y| (tile, channel, y))))
    {
        for x in (0..pixels).step_by(patch.max(1)) {
            let cell = tile * cells + y / patch * tiles.side + x / patch;
            let at = ((cell * 3 + channel) * patch + y % patch) * patch;
            values.extend_from_slice(&tiles.values[at..at + patch]);
        }
    }
    values
}

/// Checks a plain pass with an image and its three-axis positions.
pub fn language(slice: &Slice, features: &Features, report: &mut Report) -> Result<(), EngineError> {
    let (language, vanilla) = (&slice.model.decoder, &slice.cases.vanilla);
    let image = slice.image();
    let first = vanilla.ids.iter().take_while(|&&id| id != image).count();
    let run = features.run.dim(0)?;
    let text = language.embed(&vanilla.ids)?;
    let after = first + run;
    let parts = [
        text.narrow(0, 0, first)?,
        features.run.clone(),
        text.narrow(0, after, vanilla.ids.len() - after)?,
    ];
    let x = Tensor::cat(&parts, 0)?.unsqueeze(0)?;
    let axes = &vanilla.positions;
    let places = axes[0].iter().zip(&axes[1]).zip(&axes[2]);
    let positions = Positions(vec![places.map(|((&t, &h), &w)| [t, h, w]).collect()]);
    let mask = Mask::full(1, vanilla.ids.len(), true);
    let deep = deep_rows(features, first)?;
    let options = ForwardOptions {
        deep: deep.as_ref(),
        ..ForwardOptions::default()
    };
    let hidden = language.forward(&x, &positions, &mask, options, false)?;
    report.close(
        "vanilla.hidden",
        &hidden,
        slice.want("vanilla.hidden")?,
        report.bounds.values,
    )?;
    let want = slice.want("vanilla.logits")?;
    let (hidden, kept) = (hidden.squeeze(0)?, want.dim(0)?);
    let last = hidden.narrow(0, hidden.dim(0)?.saturating_sub(kept), kept)?;
    let logits = language.logits(&last, Vocabulary::Full)?;
    report.close("vanilla.logits", &logits, want, report.bounds.values)?;
    Ok(())
}

/// The deeper levels of a run whose first row stands at place `first` of one sequence.
fn deep_rows(features: &Features, first: usize) -> Result<Option<DeepRows>, EngineError> {
    if features.deep.is_empty() {
        return Ok(None);
    }
    let rows = features.run.dim(0)?;
    let index: Vec<u32> = (first..first + rows).map(|row| row as u32).collect();
    Ok(Some(DeepRows {
        index: Tensor::new(index, features.run.device())?,
        levels: features.deep.clone(),
    }))
}

/// Checks z and the attention of every aspect.
pub fn aspects(slice: &Slice, features: &Features, report: &mut Report) -> Result<(), EngineError> {
    let tokens = features.tokens()?.to_dtype(DType::F32)?.unsqueeze(0)?;
    for (view, module) in &slice.modules()?.0 {
        let looked = module.forward(&tokens)?;
        for (part, got) in [("z", &looked.z), ("attention", &looked.attention)] {
            let name = format!("{part}.{view}");
            report.close(&name, got, slice.want(&name)?, report.bounds.values)?;
        }
    }
    Ok(())
}
