//! What runs on the background thread: trainer, evaluator, predictor. Commands in, events out.

mod adamw;
mod answers;
mod clock;
mod control;
pub mod device;
mod dialogue;
mod effects;
mod error;
mod evaluator;
mod faithfulness;
mod features;
mod generate;
mod health;
pub mod inference;
mod items;
mod job;
mod keeper;
mod learner;
mod memory;
mod memory_plan;
mod model;
mod not_finite;
mod opening;
mod oversampling;
mod pace;
mod panel;
pub mod pointing;
mod predictor;
mod rationales;
mod reporter;
mod run;
mod sampler;
mod schedule;
mod score;
pub mod selftest;
mod snapshot;
mod stage;
pub mod study;
mod subset;
mod test_split;
mod thread;
mod trainer;
mod validation;

#[cfg(test)]
mod family_tests;
#[cfg(test)]
mod finite_tests;
#[cfg(test)]
mod keeper_tests;
#[cfg(test)]
mod quantised_tests;

pub use control::Signals;
pub use device::DeviceChoice;
pub use error::EngineError;
pub use job::{Outcome, TrainJob};
pub use thread::{Running, start};
