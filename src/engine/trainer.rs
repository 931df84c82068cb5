//! The training loop of one stage, from top to bottom.

use std::time::Instant;

use candle_core::Tensor;
use indexmap::IndexMap;

use super::adamw::{AdamW, Gradients, clip_factor};
use super::error::EngineError;
use super::features::{FeatureStore, Features};
use super::items::{Item, classes_of, left_out_sentence};
use super::learner::Learner;
use super::memory::Thrift;
use super::sampler::{Drawn, Sampler};
use super::schedule::LearningRate;
use crate::aspects::{Batch, PromptRows, Sequence, Visuals};
use crate::config::{DataSettings, StageTrain};
use crate::data::View;
use crate::data::prompts::Questions;
use crate::nn::loss;
use crate::session::{HIGHEST_RATE, Stage, Step};
use crate::vlm::decoder::Vocabulary;

/// One stage's training, step by step.
pub struct Trainer<'a, 'b> {
    pub learner: &'b Learner<'a>,
    pub stage: Stage,
    pub items: Vec<Item<'b>>,
    pub settings: StageTrain,
    pub sampler: Sampler,
    pub rate: LearningRate,
    pub optimizer: AdamW,
    /// Optimiser steps done.
    pub step: u64,
    /// Whether the evaluation after the last step is still pending.
    pub evaluation_due: bool,
    /// What the device's memory has room for.
    thrift: Thrift,
}

/// The result of a step.
#[derive(Debug)]
pub enum Advanced {
    Step(Step),
    /// The step learnt nothing, and the trainer is unchanged.
    NotFinite(NotFinite),
}

/// A step whose loss or gradient is not finite.
#[derive(Debug)]
pub struct NotFinite {
    pub step: u64,
    pub loss: f64,
    /// The samples whose own loss is not finite, with the aspect in question.
    pub samples: Vec<String>,
}

/// The mean loss over a step's supervised tokens, and the gradients' norm before it is clipped.
struct Learnt {
    loss: f64,
    grad_norm: f64,
}

/// A sample of a step: its sequence, the index of its item, and its features.
type Loaded = (Sequence, usize, Features);

impl<'a, 'b> Trainer<'a, 'b> {
    /// A trainer at step 0.
    ///
    /// # Errors
    /// Where there is nothing to train on, or the device fails.
    pub fn new(
        learner: &'b Learner<'a>,
        stage: Stage,
        items: Vec<Item<'b>>,
        settings: StageTrain,
        data: &DataSettings,
    ) -> Result<Self, EngineError> {
        if items.is_empty() {
            return Err(EngineError::Failed(match stage {
                Stage::Aspects => {
                    "no training image has an annotation, so stage 1 (aspects) has nothing to learn from; \
                                   use a dataset with annotations, or train stage `prompt` with --init-aspects"
                        .to_owned()
                }
                Stage::Prompt => "there is no training image".to_owned(),
            }));
        }
        let (rate, decay) = (settings.learning_rate, settings.weight_decay);
        if rate > HIGHEST_RATE || decay > 1.0 {
            // Sessions recorded before there were upper bounds can still hold such values.
            return Err(EngineError::Failed(format!(
                "train.learning_rate is {rate:e} and train.weight_decay {decay:e}; each is at most 1, so that parameters stay finite: \
                 set them with --set"
            )));
        }
        let sampler = Sampler::new(stage, &classes_of(&items), &settings, data);
        let total = steps(&sampler, &settings);
        let rate = LearningRate::new(
            settings.learning_rate,
            settings.warmup_ratio,
            total,
            settings.lr_scheduler_type,
        );
        let optimizer = AdamW::new(learner.parameters(stage), settings.weight_decay)?;
        let thrift = Thrift::new(settings.gradient_checkpointing);
        Ok(Self {
            learner,
            stage,
            items,
            settings,
            sampler,
            rate,
            optimizer,
            step: 0,
            evaluation_due: false,
            thrift,
        })
    }

    /// Optimiser steps of the whole stage.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.rate.total
    }

    /// Makes the next optimiser step; images that cannot be read are skipped, with a sentence in `notes`.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn advance(&mut self, store: &mut FeatureStore, notes: &mut Vec<String>) -> Result<Advanced, EngineError> {
        let begin = Instant::now();
        let step = self.step + 1;
        let (micro_batches, next) = (self.draw(step), self.draw(step + 1));
        store.take_uses();
        let batches = micro_batches
            .iter()
            .map(|drawn| self.load(drawn, store, notes))
            .collect::<Result<Vec<_>, EngineError>>()?;
        let cache_hits = store.take_uses().hit_rate();
        store.ahead(
            next.iter()
                .flatten()
                .map(|drawn| self.items[drawn.item].sample.path.as_path()),
        );

        // The mean is over all supervised tokens of the step, so their number must be known before the first backward.
        let tokens: usize = batches
            .iter()
            .flatten()
            .map(|(sequence, ..)| sequence.targets.len())
            .sum();
        let samples: usize = batches.iter().map(Vec::len).sum();
        let most = batches.iter().map(Vec::len).max().unwrap_or(0);
        let lr = self.rate.at(step);
        let mut thrift = self.thrift;
        let Learnt { loss, grad_norm } = loop {
            match self.learn(&batches, (tokens, lr), &mut thrift, store) {
                // Nothing is changed yet: the step is made again with less memory.
                Err(error) if error.is_out_of_memory() && (store.relieve() || thrift.save(most)) => {}
                learnt => break learnt?,
            }
        };
        if samples > 0 && !(loss.is_finite() && grad_norm.is_finite()) {
            let samples = self.faulty(&batches, thrift.recompute)?;
            return Ok(Advanced::NotFinite(NotFinite { step, loss, samples }));
        }
        notes.extend(store.take_notes());
        notes.extend(thrift.notices(self.thrift));
        self.thrift = thrift;
        self.step = step;
        Ok(Advanced::Step(Step {
            stage: self.stage,
            step,
            epoch: self.sampler.epochs_after(step),
            loss: if samples == 0 { f64::NAN } else { loss },
            lr,
            grad_norm,
            samples_per_s: samples as f64 / begin.elapsed().as_secs_f64(),
            cache_hits,
        }))
    }

    /// Learns from the batches of one step, which have so many supervised tokens: changes all parameters and moments, or,
    /// where it fails or the gradient is not finite, none.
    fn learn(
        &mut self,
        batches: &[Vec<Loaded>],
        (tokens, lr): (usize, f64),
        thrift: &mut Thrift,
        store: &mut FeatureStore,
    ) -> Result<Learnt, EngineError> {
        let mut gradients = Gradients::default();
        let mut loss = 0.0;
        let recompute = thrift.recompute;
        for batch in batches {
            thrift.room.in_parts(
                batch,
                || store.relieve(),
                |part| {
                    let mean = (self.loss_sum(part, recompute)? / tokens as f64)?;
                    let grads = mean.backward()?;
                    // Here the CPU waits for the device.
                    let value = f64::from(mean.to_dtype(candle_core::DType::F32)?.to_scalar::<f32>()?);
                    gradients.add(&self.optimizer, grads)?;
                    loss += value;
                    Ok(())
                },
            )?;
        }
        let grad_norm = gradients.norm()?;
        if loss.is_finite() && grad_norm.is_finite() {
            let clipped = clip_factor(grad_norm, self.settings.max_grad_norm);
            self.optimizer.step(&gradients, lr, clipped)?;
        }
        Ok(Learnt { loss, grad_norm })
    }

    /// The micro-batches of a step; none after the last.
    fn draw(&mut self, step: u64) -> Vec<Vec<Drawn>> {
        if step > self.total() {
            return Vec::new();
        }
        let (items, questions) = (&self.items, &self.learner.questions);
        self.sampler.draw(step, |item| templates(&items[item], questions))
    }

    /// Whether parameters and moments are finite. This makes the CPU wait for the device, so call it only after a failed step.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn is_finite(&self) -> Result<bool, EngineError> {
        let mut sums = Vec::new();
        for slot in &self.optimizer.slots {
            for tensor in [slot.var.as_tensor(), &slot.exp_avg, &slot.exp_avg_sq] {
                // 0 times a number that is not finite is NaN, and any sum with it is NaN too.
                sums.push((tensor.detach() * 0.0)?.sum_all()?);
            }
        }
        if sums.is_empty() {
            return Ok(true);
        }
        let sums = Tensor::stack(&sums, 0)?.to_vec1::<f32>()?;
        Ok(sums.into_iter().all(f32::is_finite))
    }

    /// Skips the next step: counts it without learning from it.
    pub fn leave_out(&mut self) -> Step {
        self.step += 1;
        Step {
            stage: self.stage,
            step: self.step,
            epoch: self.sampler.epochs_after(self.step),
            loss: f64::NAN,
            lr: self.rate.at(self.step),
            grad_norm: f64::NAN,
            samples_per_s: 0.0,
            cache_hits: None,
        }
    }

    /// The samples whose own loss is not finite: `image/awe/3.png (object)`.
    fn faulty(&self, batches: &[Vec<Loaded>], recompute: bool) -> Result<Vec<String>, EngineError> {
        let mut found = Vec::new();
        for one in batches.iter().flatten() {
            let loss = self.loss_sum(std::slice::from_ref(one), recompute)?;
            if !loss.to_dtype(candle_core::DType::F32)?.to_scalar::<f32>()?.is_finite() {
                let item = &self.items[one.1];
                let id = &item.sample.id;
                found.push(
                    item.view
                        .map_or_else(|| id.clone(), |view| format!("{id} ({})", view.name())),
                );
            }
        }
        Ok(found)
    }

    /// The micro-batch's sequences with their items and features.
    fn load(
        &self,
        drawn: &[Drawn],
        store: &mut FeatureStore,
        notes: &mut Vec<String>,
    ) -> Result<Vec<Loaded>, EngineError> {
        let items: Vec<&Item<'b>> = drawn.iter().map(|drawn| &self.items[drawn.item]).collect();
        let paths: Vec<_> = items.iter().map(|item| item.sample.path.as_path()).collect();
        let mut batch = Vec::with_capacity(items.len());
        for ((item, drawn), features) in items.into_iter().zip(drawn).zip(store.get(&paths)?) {
            match features {
                Ok(features) => {
                    let sequence = self.sequence(item, drawn.template, &features)?;
                    batch.push((sequence, drawn.item, features));
                }
                Err(error) => notes.push(left_out_sentence(item.sample, &error)),
            }
        }
        Ok(batch)
    }

    fn sequence(&self, item: &Item, template: usize, features: &Features) -> Result<Sequence, EngineError> {
        match item.view {
            Some(view) => self.learner.aspect_sample(view, template, &item.answer),
            None => {
                let run = self.learner.visual_run(features, &[]);
                self.learner
                    .dialogue()
                    .answered(&self.learner.emotion_chat(template), run, &item.answer)
            }
        }
    }

    /// The summed loss of a micro-batch, with its graph. With `recompute`, backward runs the layers again.
    fn loss_sum(&self, batch: &[Loaded], recompute: bool) -> Result<Tensor, EngineError> {
        let language = &self.learner.base.decoder;
        let sequences: Vec<Sequence> = batch.iter().map(|(sequence, ..)| sequence.clone()).collect();
        let (spliced, vocabulary) = match self.stage {
            Stage::Aspects => {
                let z = self.z(batch)?;
                (
                    Batch::splice(language, &sequences, &Visuals::Trained(&z), None)?,
                    Vocabulary::Full,
                )
            }
            Stage::Prompt => {
                let features: Vec<&Features> = batch.iter().map(|(_, _, features)| features).collect();
                let rows = self.learner.visual_rows_of(&features, &[])?;
                let prompt = PromptRows::trained(self.learner.prompt.as_tensor());
                (
                    Batch::splice(language, &sequences, &Visuals::Constant(&rows), Some(&prompt))?,
                    self.learner.prompted(),
                )
            }
        };
        let logits = spliced.logits(language, vocabulary, recompute)?;
        Ok(loss::cross_entropy_sum(&logits, &spliced.tokens)?)
    }

    /// z `[samples * queries, hidden]` with its graph: images of one view and size pass its module together.
    fn z(&self, batch: &[Loaded]) -> Result<Tensor, EngineError> {
        let mut groups: IndexMap<(View, usize), Vec<usize>> = IndexMap::new();
        for (i, (_, item, features)) in batch.iter().enumerate() {
            if let Some(view) = self.items[*item].view {
                groups
                    .entry((view, features.grid.0 * features.grid.1))
                    .or_default()
                    .push(i);
            }
        }
        let mut parts: Vec<Option<Tensor>> = vec![None; batch.len()];
        for ((view, _), members) in groups {
            let tokens = members.iter().map(|&i| batch[i].2.tokens());
            let tokens = tokens.collect::<candle_core::Result<Vec<_>>>()?;
            let tokens = Tensor::stack(&tokens, 0)?.to_dtype(candle_core::DType::F32)?;
            let z = self.learner.aspects.0[&view].forward(&tokens)?.z;
            for (place, i) in members.into_iter().enumerate() {
                parts[i] = Some(z.get(place)?);
            }
        }
        Ok(Tensor::cat(&parts.into_iter().flatten().collect::<Vec<_>>(), 0)?)
    }
}

/// The number of templates that an item can choose from.
fn templates(item: &Item, questions: &Questions) -> usize {
    match item.view {
        Some(view) => questions.aspect(view).len(),
        None => questions.emotion().len(),
    }
}

/// Optimiser steps that `settings` ask for.
#[must_use]
pub fn steps(sampler: &Sampler, settings: &StageTrain) -> u64 {
    settings
        .max_steps
        .unwrap_or_else(|| settings.epochs * sampler.steps_per_epoch())
}
