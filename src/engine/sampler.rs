//! Which samples a step has. Seed and step decide everything, so a resumed run draws the same ones.

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::config::StageTrain;
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
    /// The epoch whose order is cached.
    epoch: u64,
    order: Vec<usize>,
}

impl Sampler {
    /// For `items` items with the stage's batch size, accumulation and seed.
    #[must_use]
    pub fn new(stage: Stage, items: usize, train: &StageTrain, shuffle: bool) -> Self {
        let batch = train.batch_size.max(1);
        let mut sampler = Self {
            stage,
            items,
            batch,
            accumulation: train.gradient_accumulation_steps.max(1),
            seed: train.seed,
            shuffle,
            epoch: 0,
            order: Vec::new(),
        };
        sampler.order = sampler.order_of(0);
        sampler
    }

    /// Optimiser steps in an epoch; the last one may be smaller.
    #[must_use]
    pub fn steps_per_epoch(&self) -> u64 {
        self.items.div_ceil(self.batch).div_ceil(self.accumulation) as u64
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
        let items = self.order.iter().skip(place * size).take(size);
        let drawn: Vec<Drawn> = items.map(|&item| self.template(epoch, item, templates(item))).collect();
        drawn.chunks(self.batch).map(<[Drawn]>::to_vec).collect()
    }

    fn template(&self, epoch: u64, item: usize, templates: usize) -> Drawn {
        let template = if self.shuffle && templates > 1 {
            self.rng(1 + epoch, item as u64).random_range(0..templates)
        } else {
            0
        };
        Drawn { item, template }
    }

    fn order_of(&self, epoch: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.items).collect();
        if self.shuffle {
            order.shuffle(&mut self.rng(0, epoch));
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
        Sampler::new(Stage::Aspects, items, &train, shuffle)
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
}
