//! The places of a batch whose hidden states are needed: the last layer computes no others.

use candle_core::{Device, Result, Tensor};

use super::Positions;

/// Places in each sequence of a batch, ascending. A sequence with fewer places than another is padded with place 0,
/// whose result is never read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    places: Vec<Vec<usize>>,
    /// The number of wanted places of each sequence, without the padding.
    counts: Vec<usize>,
}

impl Wanted {
    /// From the places of each sequence, in any order; duplicates are removed.
    #[must_use]
    pub fn new(mut places: Vec<Vec<usize>>) -> Self {
        for row in &mut places {
            row.sort_unstable();
            row.dedup();
        }
        let counts: Vec<usize> = places.iter().map(Vec::len).collect();
        let most = counts.iter().copied().max().unwrap_or(0);
        places.iter_mut().for_each(|row| row.resize(most, 0));
        Self { places, counts }
    }

    /// The number of places of each sequence, including the padding.
    #[must_use]
    pub fn width(&self) -> usize {
        self.places.first().map_or(0, Vec::len)
    }

    /// The row of a wanted place in the flattened result `[batch * width]`.
    #[must_use]
    pub fn row(&self, sequence: usize, place: usize) -> Option<usize> {
        let wanted = self.places.get(sequence)?.get(..self.counts[sequence])?;
        let found = wanted.binary_search(&place).ok()?;
        Some(sequence * self.width() + found)
    }

    pub(super) fn places(&self) -> &[Vec<usize>] {
        &self.places
    }

    /// Indices `[batch * width]` (u32) of the places' rows in a flattened batch of `tokens` tokens per sequence.
    pub(super) fn index(&self, tokens: usize, device: &Device) -> Result<Tensor> {
        let rows = self.places.iter().enumerate();
        let rows: Vec<u32> = rows
            .flat_map(|(i, row)| row.iter().map(move |place| (i * tokens + place) as u32))
            .collect();
        Tensor::new(rows, device)
    }

    pub(super) fn of(&self, positions: &Positions) -> Positions {
        let rows = self.places.iter().zip(&positions.0);
        Positions(
            rows.map(|(row, all)| row.iter().map(|&place| all[place]).collect())
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_again_and_the_filling_is_not() {
        let wanted = Wanted::new(vec![vec![4, 2, 4, 5], vec![3]]);
        assert_eq!(wanted.width(), 3);
        let rows = [(0, 2), (0, 4), (0, 5), (1, 3)].map(|(sequence, place)| wanted.row(sequence, place));
        assert_eq!(rows, [Some(0), Some(1), Some(2), Some(3)]);
        assert_eq!([wanted.row(1, 0), wanted.row(0, 3), wanted.row(2, 0)], [None; 3]);
        let index = wanted.index(6, &Device::Cpu).unwrap().to_vec1::<u32>().unwrap();
        assert_eq!(index, [2, 4, 5, 9, 6, 6]);
    }
}
