//! The positions of a batch's tokens, and the rotary angles that follow from them.

use crate::nn::Mask;

use super::DecoderConfig;

/// Positions of a batch of sequences on the axes time, height and width: `[batch][tokens]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Positions(pub Vec<Vec<[u32; 3]>>);

impl Positions {
    /// Positions 0, 1, 2, ... on all three axes, not counting padding. The reference's language model uses these,
    /// because it gets only embeddings.
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
    pub fn angles(&self, config: &DecoderConfig) -> Vec<f64> {
        let frequencies = inverse_frequencies(config.head_dim / 2, config.rope_theta);
        let tokens = self.0.iter().flatten();
        tokens
            .flat_map(|position| {
                frequencies
                    .iter()
                    .enumerate()
                    .map(|(i, f)| f64::from(position[config.axes.of_angle(i)]) * f)
            })
            .collect()
    }
}

/// `theta^(-i / count)`, rounded to f32 as in the reference.
#[must_use]
pub fn inverse_frequencies(count: usize, theta: f64) -> Vec<f64> {
    (0..count)
        .map(|i| f64::from((1.0 / theta.powf(i as f64 / count as f64)) as f32))
        .collect()
}
