//! Which pictures a dataset has: the emotion that the rule must give each one, and the label that it gets.

use rand::{Rng, SeedableRng, seq::index};
use rand_chacha::ChaCha8Rng;

use super::{
    place, rule,
    scene::{Scene, VARIATION},
};
use crate::data::classes::MIKELS;

/// One picture to draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Over all splits; picks the picture's stream of random numbers.
    pub index: usize,
    /// What the rule says of the picture: index into [`MIKELS`].
    pub emotion: usize,
    /// What it is labelled: the same, but for the share of label noise.
    pub label: usize,
    /// Counts the pictures of a label over all splits.
    pub number: usize,
}

/// Plans splits of the given sizes, one list each. Emotions are as balanced as a split's size allows. [`rule::noisy`] of its
/// labels are wrong; each other emotion is equally likely.
#[must_use]
pub fn plan(splits: &[usize], noise: f64, seed: u64) -> Vec<Vec<Planned>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut numbers = [0; MIKELS.len()];
    let mut first = 0;
    splits
        .iter()
        .map(|&size| {
            let mut labels: Vec<usize> = (0..size).map(|picture| picture % MIKELS.len()).collect();
            for picture in index::sample(&mut rng, size, rule::noisy(size, noise)) {
                labels[picture] = (labels[picture] + rng.random_range(1..MIKELS.len())) % MIKELS.len();
            }
            let planned = labels.into_iter().enumerate().map(|(picture, label)| {
                numbers[label] += 1;
                Planned {
                    index: first + picture,
                    emotion: picture % MIKELS.len(),
                    label,
                    number: numbers[label] - 1,
                }
            });
            let planned = planned.collect();
            first += size;
            planned
        })
        .collect()
}

/// The scene of a planned picture: scenes are drawn until the rule gives one the planned emotion without a tie.
#[must_use]
pub fn scene(planned: &Planned, size: u32, seed: u64) -> Scene {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // Stream 0 belongs to the plan.
    rng.set_stream(planned.index as u64 + 1);
    loop {
        let mut scene = Scene::draw_attributes(&mut rng, size, VARIATION);
        let verdict = rule::verdict(&scene);
        if verdict.emotion == planned.emotion && verdict.lead > 0 {
            place::place(&mut scene, &mut rng);
            return scene;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_emotion_is_as_frequent_and_the_noise_is_exact() {
        let splits = plan(&[800, 160, 0, 10], 0.05, 9);
        for (split, (wrong, each)) in splits.iter().zip([(40, 100), (8, 20), (0, 0), (1, 1)]) {
            assert_eq!(
                split.iter().filter(|planned| planned.label != planned.emotion).count(),
                wrong
            );
            for emotion in 0..MIKELS.len() {
                let count = split.iter().filter(|planned| planned.emotion == emotion).count();
                assert!((each..=each + 1).contains(&count));
            }
        }
        let all: Vec<&Planned> = splits.iter().flatten().collect();
        assert!(all.iter().enumerate().all(|(index, planned)| planned.index == index));
        let mut names: Vec<(usize, usize)> = all.iter().map(|planned| (planned.label, planned.number)).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all.len());
        assert_eq!(splits, plan(&[800, 160, 0, 10], 0.05, 9));
        assert_ne!(splits, plan(&[800, 160, 0, 10], 0.05, 10));
    }

    #[test]
    fn scenes_follow_the_plan_and_are_mostly_clear() {
        let splits = plan(&[1600], 0.05, 9);
        let mut clear = 0;
        for planned in &splits[0] {
            let scene = scene(planned, 112, 9);
            let verdict = rule::verdict(&scene);
            assert_eq!(verdict.emotion, planned.emotion);
            assert!(verdict.lead > 0);
            clear += usize::from(verdict.clear());
        }
        assert!((0.9..0.99).contains(&(clear as f64 / 1600.0)), "{clear}");
        assert_eq!(scene(&splits[0][5], 112, 9), scene(&splits[0][5], 112, 9));
        assert_ne!(scene(&splits[0][5], 112, 9), scene(&splits[0][5], 112, 10));
    }
}
