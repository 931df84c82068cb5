//! Rotary angles: two axes in the vision tower, three (M-RoPE) in the language model.

use crate::nn::Mask;

use super::Config;

/// Positions of a batch of sequences on the axes time, height and width: `[batch][tokens]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Positions(pub Vec<Vec<[u32; 3]>>);

impl Positions {
    /// Token 0, 1, 2, ... on all three axes, padding left out: what the reference's language model sees, for only
    /// embeddings reach it.
    #[must_use]
    pub fn sequential(mask: &Mask) -> Self {
        let row = |segments: &Vec<u32>| {
            let mut next = 0;
            segments
                .iter()
                .map(|&segment| {
                    if segment == Mask::PADDING {
                        return [1; 3];
                    }
                    next += 1;
                    [next - 1; 3]
                })
                .collect()
        };
        Self(mask.segments().iter().map(row).collect())
    }

    /// The last `count` positions of each row.
    #[must_use]
    pub fn last(&self, count: usize) -> Self {
        Self(self.0.iter().map(|row| row[row.len() - count..].to_vec()).collect())
    }

    /// Angles `[batch, tokens, head_dim / 2]`, flattened, in radians.
    #[must_use]
    pub fn angles(&self, config: &Config) -> Vec<f64> {
        let half = config.head_dim() / 2;
        let [time, height, _] = config.rope_scaling.mrope_section;
        let axis = |i: usize| {
            if i < time {
                0
            } else {
                1 + usize::from(i >= time + height)
            }
        };
        let frequencies = inverse_frequencies(half, config.rope_theta);
        let tokens = self.0.iter().flatten();
        tokens
            .flat_map(|position| {
                frequencies
                    .iter()
                    .enumerate()
                    .map(|(i, f)| f64::from(position[axis(i)]) * f)
            })
            .collect()
    }
}

/// Angles `[patches, head_dim / 2]` of a picture of `grid` (time, height, width) patches in merge order: the first
/// half turns with the row, the second with the column (`rot_pos_emb` of the reference).
#[must_use]
pub fn vision_angles(grid: (usize, usize, usize), merge: usize, head_dim: usize) -> Vec<f64> {
    let (time, height, width) = grid;
    let frequencies = inverse_frequencies(head_dim / 4, 10_000.0);
    let mut angles = Vec::with_capacity(time * height * width * head_dim / 2);
    for _ in 0..time {
        for block_row in 0..height / merge {
            for block_column in 0..width / merge {
                for place in 0..merge * merge {
                    let row = block_row * merge + place / merge;
                    let column = block_column * merge + place % merge;
                    for position in [row, column] {
                        angles.extend(frequencies.iter().map(|f| position as f64 * f));
                    }
                }
            }
        }
    }
    angles
}

/// Rounded to f32, as the reference keeps them.
fn inverse_frequencies(count: usize, theta: f64) -> Vec<f64> {
    (0..count)
        .map(|i| f64::from((1.0 / theta.powf(i as f64 / count as f64)) as f32))
        .collect()
}
