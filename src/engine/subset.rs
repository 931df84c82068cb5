//! A stratified part of a split.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::data::Sample;

/// At most `count` samples, seeded, with the classes as balanced as possible; in the split's order.
#[must_use]
pub fn stratified(samples: &[Sample], classes: usize, count: usize, seed: u64) -> Vec<&Sample> {
    let mut by_class: Vec<Vec<usize>> = vec![Vec::new(); classes];
    for (i, sample) in samples.iter().enumerate() {
        if let Some(class) = by_class.get_mut(sample.label) {
            class.push(i);
        }
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    by_class.iter_mut().for_each(|class| class.shuffle(&mut rng));
    let mut chosen: Vec<usize> = Vec::new();
    let deepest = by_class.iter().map(Vec::len).max().unwrap_or(0);
    for depth in 0..deepest {
        chosen.extend(by_class.iter().filter_map(|class| class.get(depth).copied()));
    }
    chosen.truncate(count);
    chosen.sort_unstable();
    chosen.into_iter().map(|i| &samples[i]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Annotation;

    #[test]
    fn rare_classes_are_included_and_the_order_stays() {
        let label = |i: usize| if i < 90 { 0 } else { 1 + i % 2 };
        let sample = |i: usize| Sample {
            id: format!("{i:03}"),
            path: i.to_string().into(),
            label: label(i),
            annotation: Annotation::default(),
        };
        let samples: Vec<Sample> = (0..100).map(sample).collect();
        let some = stratified(&samples, 3, 12, 1);
        for class in 0..3 {
            assert_eq!(some.iter().filter(|s| s.label == class).count(), 4);
        }
        assert!(some.is_sorted_by_key(|s| &s.id));
        assert_eq!(some, stratified(&samples, 3, 12, 1));
        assert_eq!(stratified(&samples, 3, 500, 1).len(), 100);
    }
}
