//! The order in which a tower takes a grid's patches, and their angles in it.

use crate::vlm::decoder::positions::inverse_frequencies;

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
