//! What runs on the background thread: trainer, evaluator, predictor. Commands in, events out.

mod adamw;
mod dialogue;
mod error;
mod evaluator;
mod features;
mod generate;
mod learner;
mod sampler;
mod schedule;
mod trainer;

pub use error::EngineError;
