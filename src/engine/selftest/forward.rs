//! The frozen model: image processor, vision tower, language model, and what the aspect modules make of an image.

use candle_core::{DType, Tensor};

use super::slice::{IMAGE, Slice};
use super::{EngineError, Report};
use crate::data::image_file::{DecodeOptions, decode};
use crate::nn::Mask;
use crate::vlm::qwen2_vl::{Positions, Vocabulary};

/// Checks the image's way to its merged tokens `[tokens, hidden]`, which it returns.
pub fn vision(slice: &Slice, report: &mut Report) -> Result<Tensor, EngineError> {
    let bound = report.bounds.values;
    let picture = decode(&slice.path("picture.png"), DecodeOptions::default())?;
    let patches = slice.processor.process(&picture)?;
    let grid = (patches.grid.t, patches.grid.h, patches.grid.w);
    report.equal("image grid", grid == slice.cases.grid);
    let rows = patches.grid.patches();
    let width = patches.values.len() / rows.max(1);
    let pixels = Tensor::from_vec(patches.values, (1, rows, width), &slice.device)?;
    report.close("pixel values", &pixels, slice.want("pixel_values")?, 1e-6)?;
    let pixels = pixels.to_dtype(slice.dtype)?;
    let states = slice.model.vision.states(&pixels, grid)?;
    for (state, name) in states
        .blocks
        .iter()
        .zip(["vision.patch_embed", "vision.block.0", "vision.block.1"])
    {
        report.close(name, state, slice.want(name)?, bound)?;
    }
    let features = slice.model.vision.forward(&pixels, grid)?;
    report.close("vision.features", &features, slice.want("vision.features")?, bound)?;
    Ok(features.squeeze(0)?.detach())
}

/// Checks a plain pass with an image and its three-axis positions.
pub fn language(slice: &Slice, features: &Tensor, report: &mut Report) -> Result<(), EngineError> {
    let (language, vanilla) = (&slice.model.language, &slice.cases.vanilla);
    let first = vanilla.ids.iter().take_while(|&&id| id != IMAGE).count();
    let text = language.embed(&vanilla.ids)?;
    let after = first + features.dim(0)?;
    let parts = [
        text.narrow(0, 0, first)?,
        features.clone(),
        text.narrow(0, after, vanilla.ids.len() - after)?,
    ];
    let x = Tensor::cat(&parts, 0)?.unsqueeze(0)?;
    let axes = &vanilla.positions;
    let places = axes[0].iter().zip(&axes[1]).zip(&axes[2]);
    let positions = Positions(vec![places.map(|((&t, &h), &w)| [t, h, w]).collect()]);
    let mask = Mask::full(1, vanilla.ids.len(), true);
    let hidden = language.forward(&x, &positions, &mask, false)?;
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

/// Checks z and the attention of every aspect.
pub fn aspects(slice: &Slice, features: &Tensor, report: &mut Report) -> Result<(), EngineError> {
    let tokens = features.to_dtype(DType::F32)?.unsqueeze(0)?;
    for (view, module) in &slice.modules()?.0 {
        let looked = module.forward(&tokens)?;
        for (part, got) in [("z", &looked.z), ("attention", &looked.attention)] {
            let name = format!("{part}.{view}");
            report.close(&name, got, slice.want(&name)?, report.bounds.values)?;
        }
    }
    Ok(())
}
