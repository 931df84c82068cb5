//! The images of a class in a seeded order.

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::Sample;

/// What an order is for. Each purpose has random numbers of its own, so that none follows from another. The numbers stay:
/// they choose the stream, and with it which images a seed draws.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Validation = 0,
    Shots = 1,
}

/// The indices of the class's samples, in an order that depends on the seed, the purpose, the class's place in the label
/// list and the class's samples alone.
pub(super) fn in_random_order(samples: &[Sample], label: usize, seed: u64, purpose: Purpose) -> Vec<usize> {
    let of_class = |(index, sample): (usize, &Sample)| (sample.label == label).then_some(index);
    let mut indices: Vec<usize> = samples.iter().enumerate().filter_map(of_class).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(((purpose as u64) << 32) | label as u64);
    indices.shuffle(&mut rng);
    indices
}
