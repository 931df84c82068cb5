//! `train:` — the reference's keys, with `train.aspects:` and `train.prompt:` as overrides for one stage.

use serde::{Deserialize, Serialize};

use super::{
    allowed::{BATCH, MANY, STEPS},
    section::section,
};
use crate::session::{HIGHEST_RATE, Stage};

/// Declares the keys that a stage may override once, and with them the section, the overrides and the resolved form.
macro_rules! stage_keys {
    ($($(#[doc = $doc:literal])+ $key:ident: $kind:ty = $default:expr, $allowed:expr;)+) => {
        section! {
            /// `train:`. What holds for a stage is [`TrainSettings::stage`].
            TrainSettings {
                $($(#[doc = $doc])+ $key: $kind = $default, $allowed;)+
            } with {
                /// Overrides for stage 1.
                aspects: TrainOverrides = TrainOverrides::default();
                /// Overrides for stage 2: the paper's second stage is shorter and gentler.
                prompt: TrainOverrides =
                    TrainOverrides { learning_rate: Some(5e-6), epochs: Some(1), ..TrainOverrides::default() };
            }
        }

        /// What holds for one stage.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        pub struct StageTrain {
            $($(#[doc = $doc])+ pub $key: $kind,)+
        }

        /// Overrides for one stage; `None` where `train:` holds.
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct TrainOverrides {
            $($(#[doc = $doc])+ #[serde(skip_serializing_if = "Option::is_none")] pub $key: Option<$kind>,)+
        }

        impl TrainSettings {
            /// The settings of one stage: its overrides, else `train:`.
            #[must_use]
            pub fn stage(&self, stage: Stage) -> StageTrain {
                let overrides = match stage {
                    Stage::Aspects => &self.aspects,
                    Stage::Prompt => &self.prompt,
                };
                StageTrain { $($key: overrides.$key.unwrap_or(self.$key),)+ }
            }
        }
    };
}

stage_keys! {
    /// Peak learning rate.
    learning_rate: f64 = 1e-5, Positive(HIGHEST_RATE);
    /// Samples a batch.
    batch_size: usize = 1, Count(1, BATCH);
    /// Batches whose gradients make one optimiser step.
    gradient_accumulation_steps: usize = 1, Count(1, BATCH);
    /// Passes over the training split.
    epochs: u64 = 3, Count(1, STEPS);
    /// Exactly so many optimiser steps, whatever the epochs; the schedule's length too.
    max_steps: Option<u64> = None, Count(1, STEPS);
    /// Share of the steps in which the rate rises from 0; rounded up to whole steps.
    warmup_ratio: f64 = 0.03, Share;
    /// How the rate goes after the warm-up.
    lr_scheduler_type: Schedule = Schedule::Linear, OneOf(&["linear", "cosine", "constant", "constant_with_warmup"]);
    /// The optimiser.
    optim: Optimizer = Optimizer::AdamwTorch, OneOf(&OPTIMIZERS);
    /// Decoupled weight decay; biases have none.
    weight_decay: f64 = 0.01, NotNegative(1.0);
    /// The gradients' global norm is clipped to it; 0: no clipping.
    max_grad_norm: f64 = 1.0, NotNegative(1e12);
    /// Of everything random: initial values, order, templates, validation split, shots.
    seed: u64 = 3407, Count(0, MANY);
    /// A console line every so many steps; the journal has every step.
    logging_steps: u64 = 10, Count(1, STEPS);
    /// When checkpoints are written.
    save_strategy: SaveStrategy = SaveStrategy::Steps, OneOf(&["no", "steps", "epoch"]);
    /// Run layers again in the backward pass instead of keeping their intermediate results: less memory, same gradients.
    gradient_checkpointing: bool = true, Switch;
    /// What is done where a step's loss is not finite; `None`: pause where a person looks on, else stop.
    on_nan: Option<OnNan> = None, OneOf(&["pause", "stop"]);
}

/// What `train.optim` may say: the names of `transformers`.
const OPTIMIZERS: [&str; 23] = [
    "adamw_torch",
    "adamw_torch_fused",
    "adamw_hf",
    "adamw_8bit",
    "adamw_bnb_8bit",
    "adamw_torch_4bit",
    "adamw_torch_8bit",
    "adamw_torch_xla",
    "adamw_apex_fused",
    "adamw_anyprecision",
    "ademamix",
    "adafactor",
    "paged_adamw_32bit",
    "paged_adamw_8bit",
    "paged_adamw",
    "lion_32bit",
    "lion_8bit",
    "paged_lion_32bit",
    "paged_lion_8bit",
    "sgd",
    "adagrad",
    "rmsprop",
    "rmsprop_bnb",
];

/// What a run does where a step's loss or gradient is not finite, as it was before that step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnNan {
    /// Wait for a person, who may let it go on without the step.
    Pause,
    /// Write a checkpoint and end with an error.
    Stop,
}

/// How the learning rate goes, by the names of `transformers`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Warm-up, then straight down to 0.
    Linear,
    /// Warm-up, then half a cosine down to 0.
    Cosine,
    /// No warm-up, no decay.
    Constant,
    /// Warm-up, then constant.
    ConstantWithWarmup,
}

/// The optimiser; other names are taken with a notice that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Optimizer {
    /// AdamW with 32-bit moments.
    AdamwTorch,
}

/// When checkpoints are written; at the end there is always one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SaveStrategy {
    /// At the end only.
    No,
    /// Every `checkpoint.every_steps` steps.
    Steps,
    /// After every epoch.
    Epoch,
}
