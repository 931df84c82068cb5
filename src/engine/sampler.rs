//! Which samples a step has. Seed and step decide everything, so a resumed run draws the same ones.

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::oversampling::Oversampling;
use crate::config::{Balance, DataSettings, StageTrain};
use crate::session::Stage;

/// A training item of a step: its index in the stage's list, and the template drawn for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drawn {
    pub item: usize,
    pub template: usize,
}

/// Draws a stage's items, epoch by epoch.
#[derive(Debug, Clone)]
pub struct Sampler {
    stage: Stage,
    items: usize,
    batch: usize,
    accumulation: usize,
    seed: u64,
    shuffle: bool,
    /// `None`: each item has one turn an epoch.
    oversampling: Option<Oversampling>,
    /// The epoch whose order is cached.
    epoch: u64,
    /// Its turns: `turn % items` is the item, `turn / items` counts the item's earlier turns.
    order: Vec<usize>,
}

impl Sampler {
    /// For items of these classes, with the stage's batch size, accumulation and seed.
    #[must_use]
    pub fn new(stage: Stage, classes: &[usize], train: &StageTrain, data: &DataSettings) -> Self {
        // Stage 1 asks about aspects: an image's class is no answer there.
        let balanced = stage == Stage::Prompt && data.balance == Balance::Classes;
        let batch = train.batch_size.max(1);
        let mut sampler = Self {
            stage,
            items: classes.len(),
            batch,
            accumulation: train.gradient_accumulation_steps.max(1),
            seed: train.seed,
            shuffle: data.shuffle,
            oversampling: balanced.then(|| Oversampling::new(classes)),
            epoch: 0,
            order: Vec::new(),
        };
        sampler.order = sampler.order_of(0);
        sampler
    }

    /// Optimiser steps in an epoch; the last one may be smaller.
    #[must_use]
    pub fn steps_per_epoch(&self) -> u64 {
        let turns = self.oversampling.as_ref().map_or(self.items, Oversampling::turns);
        turns.div_ceil(self.batch).div_ceil(self.accumulation) as u64
    }

    /// Epochs done after `step`, including the fraction of the current one.
    #[must_use]
    pub fn epochs_after(&self, step: u64) -> f64 {
        step as f64 / self.steps_per_epoch().max(1) as f64
    }

    /// The micro-batches of `step`, which counts from 1; `templates` gives the number of templates of an item.
    pub fn draw(&mut self, step: u64, templates: impl Fn(usize) -> usize) -> Vec<Vec<Drawn>> {
        let steps = self.steps_per_epoch().max(1);
        let (epoch, place) = ((step - 1) / steps, ((step - 1) % steps) as usize);
        if epoch != self.epoch {
            self.order = self.order_of(epoch);
            self.epoch = epoch;
        }
        let size = self.batch * self.accumulation;
        let turns = self.order.iter().skip(place * size).take(size);
        let drawn: Vec<Drawn> = turns.map(|&turn| self.drawn(epoch, turn, &templates)).collect();
        drawn.chunks(self.batch).map(<[Drawn]>::to_vec).collect()
    }

    fn drawn(&self, epoch: u64, turn: usize, templates: impl Fn(usize) -> usize) -> Drawn {
        let item = turn % self.items;
        let templates = templates(item);
        let template = if self.shuffle && templates > 1 {
            self.rng(1 + epoch, turn as u64).random_range(0..templates)
        } else {
            0
        };
        Drawn { item, template }
    }

    fn order_of(&self, epoch: u64) -> Vec<usize> {
        let mut rng = self.shuffle.then(|| self.rng(0, epoch));
        let mut order = match &self.oversampling {
            Some(oversampling) => oversampling.epoch(rng.as_mut()),
            None => (0..self.items).collect(),
        };
        if let Some(rng) = &mut rng {
            order.shuffle(rng);
        }
        order
    }

    /// A separate stream for each purpose, so that no draw depends on how often another purpose drew.
    fn rng(&self, purpose: u64, index: u64) -> ChaCha8Rng {
        let mut rng =
            ChaCha8Rng::seed_from_u64(self.seed ^ (purpose << 32) ^ (u64::from(self.stage == Stage::Prompt) << 63));
        rng.set_stream(index);
        rng
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    fn sampler(items: usize, batch: usize, accumulation: usize, shuffle: bool) -> Sampler {
        let mut train = Settings::default().train.stage(Stage::Aspects);
        train.batch_size = batch;
        train.gradient_accumulation_steps = accumulation;
        let data = DataSettings {
            shuffle,
            ..DataSettings::default()
        };
        Sampler::new(Stage::Aspects, &vec![0; items], &train, &data)
    }

    /// 20 items of class 0, 7 of class 1, in batches of 4.
    fn balanced(stage: Stage, balance: Balance, shuffle: bool) -> Sampler {
        let mut train = Settings::default().train.stage(stage);
        train.batch_size = 4;
        let data = DataSettings {
            shuffle,
            balance,
            ..DataSettings::default()
        };
        let classes: Vec<usize> = (0..27).map(|item| usize::from(item >= 20)).collect();
        Sampler::new(stage, &classes, &train, &data)
    }

    fn items(step: &[Vec<Drawn>]) -> Vec<usize> {
        step.iter().flatten().map(|drawn| drawn.item).collect()
    }

    #[test]
    fn sorted_order_repeats_each_epoch_with_the_first_template() {
        let mut sampler = sampler(5, 2, 1, false);
        assert_eq!(sampler.steps_per_epoch(), 3);
        let steps: Vec<_> = (1..=4).map(|step| items(&sampler.draw(step, |_| 3))).collect();
        assert_eq!(steps, [vec![0, 1], vec![2, 3], vec![4], vec![0, 1]]);
        assert!(sampler.draw(2, |_| 3).iter().flatten().all(|drawn| drawn.template == 0));
    }

    #[test]
    fn an_epoch_has_every_item_once_and_each_epoch_its_own_order() {
        let mut sampler = sampler(50, 4, 2, true);
        let mut epoch = |first: u64| -> Vec<usize> {
            (first..first + 7)
                .flat_map(|step| items(&sampler.draw(step, |_| 5)))
                .collect()
        };
        let (first, second) = (epoch(1), epoch(8));
        assert_ne!(first, second);
        for mut order in [first, second] {
            order.sort_unstable();
            assert_eq!(order, (0..50).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_step_draws_the_same_items_whatever_came_before() {
        let (mut one, mut other) = (sampler(50, 4, 1, true), sampler(50, 4, 1, true));
        (1..30).for_each(|step| {
            one.draw(step, |_| 5);
        });
        assert_eq!(one.draw(30, |_| 5), other.draw(30, |_| 5));
    }

    #[test]
    fn a_balanced_epoch_has_each_class_equally_often_in_an_order_of_its_own() {
        let mut sampler = balanced(Stage::Prompt, Balance::Classes, true);
        assert_eq!(sampler.steps_per_epoch(), 10);
        let mut epoch = |first: u64| -> Vec<usize> {
            (first..first + 10)
                .flat_map(|step| items(&sampler.draw(step, |_| 5)))
                .collect()
        };
        let (first, second) = (epoch(1), epoch(11));
        assert_ne!(first, second);
        for mut order in [first, second] {
            assert!(!order.is_sorted());
            order.sort_unstable();
            assert_eq!(order[..20], (0..20).collect::<Vec<_>>());
            assert_eq!(order.len(), 40);
            let often = |item| order.iter().filter(|drawn| **drawn == item).count();
            assert!((20..27).all(|item| [2, 3].contains(&often(item))), "{order:?}");
        }
    }

    /// A resumed run begins with a fresh sampler.
    #[test]
    fn a_balanced_step_draws_the_same_items_whatever_came_before() {
        for shuffle in [true, false] {
            let mut whole = balanced(Stage::Prompt, Balance::Classes, shuffle);
            for step in 1..=25 {
                let drawn = whole.draw(step, |_| 5);
                let mut resumed = balanced(Stage::Prompt, Balance::Classes, shuffle);
                assert_eq!(drawn, resumed.draw(step, |_| 5), "{step}");
            }
        }
    }

    #[test]
    fn sorted_repeats_follow_one_another_with_the_first_template() {
        let mut sampler = balanced(Stage::Prompt, Balance::Classes, false);
        assert_eq!(items(&sampler.draw(6, |_| 5)), [20, 20, 20, 21]);
        assert_eq!(items(&sampler.draw(16, |_| 5)), [20, 20, 20, 21]);
        assert!(sampler.draw(6, |_| 5).iter().flatten().all(|drawn| drawn.template == 0));
    }

    #[test]
    fn an_item_that_repeats_draws_a_template_each_time() {
        let mut sampler = balanced(Stage::Prompt, Balance::Classes, true);
        let drawn = (1..=10).flat_map(|step| sampler.draw(step, |_| 1000).concat());
        let rare: Vec<Drawn> = drawn.filter(|drawn| drawn.item >= 20).collect();
        let templates: std::collections::BTreeSet<usize> = rare.iter().map(|drawn| drawn.template).collect();
        assert!(templates.len() > 15, "{rare:?}");
    }

    /// Stage 1 has no class, and without oversampling nothing changes.
    #[test]
    fn only_stage_2_is_balanced() {
        let draws = |mut sampler: Sampler| -> Vec<_> { (1..=7).map(|step| sampler.draw(step, |_| 5)).collect() };
        let aspects = [Balance::None, Balance::Classes].map(|balance| draws(balanced(Stage::Aspects, balance, true)));
        assert_eq!(aspects[0], aspects[1]);
        assert_eq!(balanced(Stage::Aspects, Balance::Classes, true).steps_per_epoch(), 7);
        let mut order = draws(balanced(Stage::Prompt, Balance::None, true)).concat().concat();
        order.sort_unstable_by_key(|drawn| drawn.item);
        assert!(order.iter().map(|drawn| drawn.item).eq(0..27));
    }
}
