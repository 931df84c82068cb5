//! Qwen2-VL's vision tower with every weight trained, on square pictures of one size.

use anyhow::Result;
use candle_core::{DType, Device, Tensor};
use masp::nn::activation::quick_gelu;
use masp::nn::{Mask, Rotary, attention};
use rand_chacha::ChaCha8Rng;

use super::ops::{layer_norm, linear};
use super::params::Params;
use super::shape::Shape;

/// Adds the tower's parameters under their hub names.
///
/// The patch embedding is kept as `[width, 3 * patch * patch]`: both temporal slots of a picture are equal, so that
/// the export gives each half of it.
///
/// # Errors
/// Where a tensor cannot be made.
pub fn initialise(params: &mut Params, shape: &Shape, rng: &mut ChaCha8Rng) -> Result<()> {
    let width = shape.vision_width;
    params.linear(
        "visual.patch_embed.proj",
        width,
        3 * shape.patch * shape.patch,
        false,
        rng,
    )?;
    for block in 0..shape.vision_blocks {
        let name = |part: &str| format!("visual.blocks.{block}.{part}");
        for norm in ["norm1", "norm2"] {
            params.constant(&name(&format!("{norm}.weight")), &[width], 1.0)?;
            params.constant(&name(&format!("{norm}.bias")), &[width], 0.0)?;
        }
        params.linear(&name("attn.qkv"), 3 * width, width, true, rng)?;
        params.linear(&name("attn.proj"), width, width, true, rng)?;
        params.linear(&name("mlp.fc1"), shape.vision_mlp, width, true, rng)?;
        params.linear(&name("mlp.fc2"), width, shape.vision_mlp, true, rng)?;
    }
    let merged = width * shape.merge * shape.merge;
    params.constant("visual.merger.ln_q.weight", &[width], 1.0)?;
    params.constant("visual.merger.ln_q.bias", &[width], 0.0)?;
    params.linear("visual.merger.mlp.0", merged, merged, true, rng)?;
    params.linear("visual.merger.mlp.2", shape.hidden, merged, true, rng)?;
    Ok(())
}

/// `patches` `[batch, grid * grid, 3 * patch * patch]` in merge order to `[batch, tokens, hidden]`.
///
/// # Errors
/// Where shapes differ.
pub fn forward(params: &Params, shape: &Shape, patches: &Tensor) -> candle_core::Result<Tensor> {
    let (batch, tokens, _) = patches.dims3()?;
    let (width, heads) = (shape.vision_width, shape.vision_heads);
    let rotary = rotary(shape, batch)?;
    let mask = Mask::full(batch, tokens, false);
    let layer = |x: &Tensor, name: &str| {
        linear(
            x,
            params.get(&format!("{name}.weight"))?,
            Some(params.get(&format!("{name}.bias"))?),
        )
    };
    let norm = |x: &Tensor, name: &str| {
        layer_norm(
            x,
            params.get(&format!("{name}.weight"))?,
            params.get(&format!("{name}.bias"))?,
        )
    };
    let mut x = linear(patches, params.get("visual.patch_embed.proj.weight")?, None)?;
    for block in 0..shape.vision_blocks {
        let name = |part: &str| format!("visual.blocks.{block}.{part}");
        let qkv = layer(&norm(&x, &name("norm1"))?, &name("attn.qkv"))?;
        let part = |index: usize| {
            qkv.narrow(2, index * width, width)?
                .contiguous()?
                .reshape((batch, tokens, heads, width / heads))
        };
        let (q, k) = (rotary.apply(&part(0)?)?, rotary.apply(&part(1)?)?);
        x = (x + layer(&attention(&q, &k, &part(2)?, &mask)?, &name("attn.proj"))?)?;
        let inner = quick_gelu(&layer(&norm(&x, &name("norm2"))?, &name("mlp.fc1"))?)?;
        x = (x + layer(&inner, &name("mlp.fc2"))?)?;
    }
    let merged = norm(&x, "visual.merger.ln_q")?.reshape((batch, shape.tokens(), ()))?;
    layer(
        &layer(&merged, "visual.merger.mlp.0")?.gelu_erf()?,
        "visual.merger.mlp.2",
    )
}

/// The row and column of each patch in merge order: merged cells row by row, in each its patches row by row.
pub fn positions(shape: &Shape) -> Vec<(usize, usize)> {
    let (merged, merge) = (shape.merged(), shape.merge);
    let mut positions = Vec::with_capacity(shape.grid() * shape.grid());
    for (row, column) in (0..merged).flat_map(|row| (0..merged).map(move |column| (row, column))) {
        for (y, x) in (0..merge).flat_map(|y| (0..merge).map(move |x| (y, x))) {
            positions.push((row * merge + y, column * merge + x));
        }
    }
    positions
}

fn rotary(shape: &Shape, batch: usize) -> candle_core::Result<Rotary> {
    let half = shape.vision_width / shape.vision_heads / 2;
    let quarter = half / 2;
    let mut angles = Vec::new();
    for (row, column) in positions(shape) {
        for position in [row, column] {
            angles.extend((0..quarter).map(|i| position as f64 / 10_000f64.powf(2.0 * i as f64 / half as f64)));
        }
    }
    let tokens = shape.grid() * shape.grid();
    Rotary::new(&angles.repeat(batch), (batch, tokens, half), DType::F32, &Device::Cpu)
}

/// RGB bytes of a picture to its patches `[grid * grid * 3 * patch * patch]` in merge order, normalised as CLIP's.
pub fn patches(rgb: &[u8], shape: &Shape) -> Vec<f32> {
    const MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
    const SD: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];
    let mut values = Vec::with_capacity(rgb.len());
    for (row, column) in positions(shape) {
        for channel in 0..3 {
            for y in 0..shape.patch {
                let from = ((row * shape.patch + y) * shape.image + column * shape.patch) * 3 + channel;
                values.extend((0..shape.patch).map(|x| {
                    let value = f32::from(rgb[from + 3 * x]) / 255.0;
                    (value - MEAN[channel]) / SD[channel]
                }));
            }
        }
    }
    values
}
