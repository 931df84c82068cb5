//! The output positions of a batch: the last layer computes hidden states for these only.

use candle_core::{Device, Result, Tensor};

use super::Positions;

/// Positions in each sequence of a batch, ascending. A sequence with fewer than another is padded with position 0,
/// whose result is never read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputPositions {
    padded: Vec<Vec<usize>>,
    /// The number of output positions of each sequence, without the padding.
    counts: Vec<usize>,
}

impl OutputPositions {
    /// From the positions of each sequence, in any order; duplicates are removed.
    #[must_use]
    pub fn new(mut positions: Vec<Vec<usize>>) -> Self {
        for row in &mut positions {
            row.sort_unstable();
            row.dedup();
        }
        let counts: Vec<usize> = positions.iter().map(Vec::len).collect();
        let most = counts.iter().copied().max().unwrap_or(0);
        positions.iter_mut().for_each(|row| row.resize(most, 0));
        Self {
            padded: positions,
            counts,
        }
    }

    /// The number of output positions of each sequence, including the padding.
    #[must_use]
    pub fn per_sequence(&self) -> usize {
        self.padded.first().map_or(0, Vec::len)
    }

    /// The row of an output position in the flattened result `[batch * per_sequence]`.
    #[must_use]
    pub fn row(&self, sequence: usize, position: usize) -> Option<usize> {
        let own = self.padded.get(sequence)?.get(..self.counts[sequence])?;
        let found = own.binary_search(&position).ok()?;
        Some(sequence * self.per_sequence() + found)
    }

    /// The positions of each sequence, including the padding.
    pub(super) fn padded(&self) -> &[Vec<usize>] {
        &self.padded
    }

    /// Indices `[batch * per_sequence]` (u32) of the positions' rows in a flattened batch of `tokens` tokens per
    /// sequence.
    pub(super) fn index(&self, tokens: usize, device: &Device) -> Result<Tensor> {
        let rows = self.padded.iter().enumerate();
        let rows: Vec<u32> = rows
            .flat_map(|(i, row)| row.iter().map(move |position| (i * tokens + position) as u32))
            .collect();
        Tensor::new(rows, device)
    }

    /// The rotary positions of the tokens at the output positions.
    pub(super) fn of(&self, tokens: &Positions) -> Positions {
        let rows = self.padded.iter().zip(&tokens.0);
        Positions(
            rows.map(|(row, all)| row.iter().map(|&position| all[position]).collect())
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_found_and_padding_is_not() {
        let outputs = OutputPositions::new(vec![vec![4, 2, 4, 5], vec![3]]);
        assert_eq!(outputs.per_sequence(), 3);
        let rows = [(0, 2), (0, 4), (0, 5), (1, 3)].map(|(sequence, position)| outputs.row(sequence, position));
        assert_eq!(rows, [Some(0), Some(1), Some(2), Some(3)]);
        assert_eq!([outputs.row(1, 0), outputs.row(0, 3), outputs.row(2, 0)], [None; 3]);
        let index = outputs.index(6, &Device::Cpu).unwrap().to_vec1::<u32>().unwrap();
        assert_eq!(index, [2, 4, 5, 9, 6, 6]);
    }
}
