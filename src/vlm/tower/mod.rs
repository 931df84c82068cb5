//! The building blocks of all families' vision towers.

mod block;
mod grid;
mod grid_config;
mod merger;
mod position;
mod sizes;
mod windowed;
mod windows;

use candle_core::Result;

pub use block::{Activation, Block, Mlp, Norm, Qkv};
pub use grid::GridTower;
pub use grid_config::GridConfig;
pub use merger::Merger;
pub use position::PositionTable;
pub use sizes::{GridKeys, GridSizes};
pub use windowed::Windowed;

use super::Scope;
use super::decoder::positions::inverse_frequencies;
use crate::nn::{LayerNorm, Linear};

/// A convolution whose stride equals its kernel, applied to flattened patches, which makes it a linear layer. `kernel`
/// is the weight's shape, starting with the width.
///
/// # Errors
/// Where a parameter is missing or of another shape.
pub fn patch_embedding(scope: &Scope, kernel: &[usize], bias: bool) -> Result<Linear> {
    let weight = scope.get("weight", kernel)?.flatten_from(1)?;
    let width = kernel.first().copied().unwrap_or(0);
    let bias = if bias { Some(scope.get("bias", &[width])?) } else { None };
    Ok(Linear::new(weight, bias, scope.trained()))
}

/// A layer norm's weight and bias, `[width]` each.
///
/// # Errors
/// Where a parameter is missing or of another shape.
pub fn layer_norm(scope: &Scope, width: usize, eps: f64) -> Result<LayerNorm> {
    Ok(LayerNorm::new(
        scope.get("weight", &[width])?,
        scope.get("bias", &[width])?,
        eps,
        scope.trained(),
    ))
}

/// Row and column of each patch of a `grid` (time, height, width) in merge order: one merged block after the other.
pub fn merge_order(grid: (usize, usize, usize), merge: usize) -> impl Iterator<Item = (usize, usize)> {
    let (time, height, width) = grid;
    let blocks = (0..time).flat_map(move |_| {
        (0..height / merge).flat_map(move |row| (0..width / merge).map(move |column| (row, column)))
    });
    blocks.flat_map(move |(row, column)| {
        (0..merge * merge).map(move |place| (row * merge + place / merge, column * merge + place % merge))
    })
}

/// Angles `[patches, head_dim / 2]` of a picture of `grid` (time, height, width) patches in merge order: the first half
/// depends on the row, the second on the column (`rot_pos_emb` of the reference).
#[must_use]
pub fn vision_angles(grid: (usize, usize, usize), merge: usize, head_dim: usize) -> Vec<f64> {
    let frequencies = inverse_frequencies(head_dim / 4, 10_000.0);
    let mut angles = Vec::with_capacity(grid.0 * grid.1 * grid.2 * head_dim / 2);
    for (row, column) in merge_order(grid, merge) {
        for position in [row, column] {
            angles.extend(frequencies.iter().map(|f| position as f64 * f));
        }
    }
    angles
}
