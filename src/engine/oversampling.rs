//! An epoch in which each class counts as often as the most frequent one.

use std::collections::BTreeMap;

use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

/// The items of each class, the rarer of which repeat.
#[derive(Debug, Clone)]
pub struct Oversampling {
    /// Their number, all classes together.
    items: usize,
    classes: Vec<Vec<usize>>,
    /// The most frequent class's items.
    most: usize,
}

impl Oversampling {
    /// Of items with these classes.
    #[must_use]
    pub fn new(classes: &[usize]) -> Self {
        let mut by_class: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (item, class) in classes.iter().enumerate() {
            by_class.entry(*class).or_default().push(item);
        }
        Self {
            items: classes.len(),
            most: by_class.values().map(Vec::len).max().unwrap_or(0),
            classes: by_class.into_values().collect(),
        }
    }

    /// How many turns an epoch has.
    #[must_use]
    pub fn turns(&self) -> usize {
        self.classes.len() * self.most
    }

    /// An epoch's turns, ordered by item: `turn % items` is the item, and `turn / items` counts its earlier turns. Each item
    /// of a class has as many turns as any other, or one more: which ones `rng` draws, else the first ones.
    #[must_use]
    pub fn epoch(&self, mut rng: Option<&mut ChaCha8Rng>) -> Vec<usize> {
        let mut turns = Vec::with_capacity(self.turns());
        for class in &self.classes {
            let (whole, rest) = (self.most / class.len(), self.most % class.len());
            for earlier in 0..whole {
                turns.extend(class.iter().map(|item| earlier * self.items + item));
            }
            let once_more: Vec<usize> = match rng.as_deref_mut() {
                Some(rng) => class.choose_multiple(rng, rest).copied().collect(),
                None => class[..rest].to_vec(),
            };
            turns.extend(once_more.into_iter().map(|item| whole * self.items + item));
        }
        turns.sort_unstable_by_key(|turn| (turn % self.items, *turn));
        turns
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    /// Three items of class 4, seven of class 0, one of class 2.
    const CLASSES: [usize; 11] = [4, 0, 0, 2, 0, 4, 0, 0, 4, 0, 0];

    /// How often each item has a turn.
    fn counts(turns: &[usize]) -> Vec<usize> {
        let of = |item| turns.iter().filter(|turn| *turn % CLASSES.len() == item).count();
        (0..CLASSES.len()).map(of).collect()
    }

    #[test]
    fn each_class_has_as_many_turns_and_no_item_two_more_than_another_of_its_class() {
        let oversampling = Oversampling::new(&CLASSES);
        assert_eq!(oversampling.turns(), 21);
        for seed in 0..20 {
            let turns = oversampling.epoch(Some(&mut ChaCha8Rng::seed_from_u64(seed)));
            assert_eq!(turns.len(), 21);
            let counts = counts(&turns);
            for class in [0, 2, 4] {
                let of_class = (counts.iter().zip(CLASSES)).filter(|(_, of)| *of == class);
                let (least, most, sum) = of_class.fold((usize::MAX, 0, 0), |(least, most, sum), (count, _)| {
                    (least.min(*count), most.max(*count), sum + count)
                });
                assert!(sum == 7 && most - least <= 1, "{counts:?}");
            }
        }
    }

    #[test]
    fn without_random_numbers_the_first_items_have_the_turns_that_are_left_over() {
        let turns = Oversampling::new(&CLASSES).epoch(None);
        assert_eq!(counts(&turns), [3, 1, 1, 7, 1, 2, 1, 1, 2, 1, 1]);
        let items: Vec<usize> = turns.iter().map(|turn| turn % CLASSES.len()).collect();
        assert!(items.is_sorted());
        assert_eq!(turns[..4], [0, 11, 22, 1]);
    }

    #[test]
    fn classes_of_one_size_repeat_nothing() {
        let turns = Oversampling::new(&[1, 0, 1, 0]).epoch(Some(&mut ChaCha8Rng::seed_from_u64(1)));
        assert_eq!(turns, [0, 1, 2, 3]);
        assert!(Oversampling::new(&[]).epoch(None).is_empty());
    }
}
