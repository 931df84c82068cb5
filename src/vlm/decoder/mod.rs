//! The language model of all families: embeddings in, hidden states and logits out.
//!
//! Families differ only in their [`DecoderConfig`]: the heads' width, biases, norms over each head, and rotary
//! positions on one axis or three.

pub mod config;
mod deep;
mod kv_cache;
pub mod language;
mod output_positions;
pub mod positions;
mod prefix;

pub use config::{Axes, DecoderConfig};
pub use deep::DeepRows;
pub use kv_cache::KvCache;
pub use language::{ForwardOptions, LanguageModel, Vocabulary};
pub use output_positions::OutputPositions;
pub use positions::Positions;
pub use prefix::Prefix;
