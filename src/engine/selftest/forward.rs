//! The frozen model: image processor, vision tower, language model, and what the aspect modules make of an image.

use candle_core::{DType, Tensor};

use super::slice::Slice;
use super::{EngineError, Report};
use crate::data::image_file::{DecodeOptions, decode};
use crate::nn::Mask;
use crate::vlm::decoder::{Around, DeepRows, Positions, Vocabulary};
use crate::vlm::vision::{Features, Picture};

/// Checks the image's way to its features, which it returns.
pub fn vision(slice: &Slice, report: &mut Report) -> Result<Features, EngineError> {
    let bound = report.bounds.values;
    let picture = slice
        .pictures
        .prepare(&decode(&slice.path("picture.png"), DecodeOptions::default())?)?;
    let values = match &picture {
        Picture::Grid(patches) => {
            let grid = (patches.grid.t, patches.grid.h, patches.grid.w);
            report.equal("image grid", grid == slice.cases.grid);
            &patches.values
        }
        Picture::Tiles(tiles) => {
            let grid = (tiles.count(), tiles.side, tiles.side);
            report.equal("tiles and their grid", grid == slice.cases.grid);
            &tiles.values
        }
    };
    let want = slice.want("pixel_values")?;
    let pixels = Tensor::from_slice(values, values.len(), &slice.device)?;
    report.close("pixel values", &pixels, &want.flatten_all()?, 1e-6)?;
    let mut parts = Vec::new();
    let features = slice.model.tower.pass(&picture, &mut |part| parts.push(part.clone()))?;
    // The slice holds the parts of one family's tower only; of others the result tells.
    let names = ["vision.patch_embed".to_owned()].into_iter();
    let names = names.chain((0..parts.len()).map(|block| format!("vision.block.{block}")));
    for (part, name) in parts.iter().zip(names) {
        if let Ok(want) = slice.want(&name) {
            report.close(&name, part, want, bound)?;
        }
    }
    report.close("vision.features", &features.run, slice.want("vision.features")?, bound)?;
    for (level, deep) in features.deep.iter().enumerate() {
        let name = format!("vision.deep.{level}");
        report.close(&name, deep, slice.want(&name)?, bound)?;
    }
    Ok(features)
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
    let around = Around {
        deep: deep.as_ref(),
        ..Around::default()
    };
    let hidden = language.forward_at(&x, &positions, &mask, around, false)?;
    report.close(
        "vanilla.hidden",
        &hidden,
        slice.want("vanilla.hidden")?,
        report.bounds.values,
    )?;
    let logits = language.logits(&hidden.squeeze(0)?, Vocabulary::Full)?;
    report.close(
        "vanilla.logits",
        &logits,
        slice.want("vanilla.logits")?,
        report.bounds.values,
    )?;
    Ok(())
}

/// The deeper levels of a run whose first row stands at place `first` of one sequence.
fn deep_rows(features: &Features, first: usize) -> Result<Option<DeepRows>, EngineError> {
    if features.deep.is_empty() {
        return Ok(None);
    }
    let rows = features.run.dim(0)?;
    let places: Vec<u32> = (first..first + rows).map(|place| place as u32).collect();
    Ok(Some(DeepRows {
        places: Tensor::new(places, features.run.device())?,
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
