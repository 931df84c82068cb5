//! The language model of all families: embeddings in, hidden states and logits out.
//!
//! Families differ only in their [`DecoderConfig`]: the heads' width, biases, norms over each head, and rotary
//! positions on one axis or three.

pub mod config;
mod deep;
pub mod language;
pub mod positions;
mod prefix;
mod wanted;

pub use config::{Axes, DecoderConfig};
pub use deep::DeepRows;
pub use language::{Around, KvCache, LanguageModel, Vocabulary};
pub use positions::Positions;
pub use prefix::Prefix;
pub use wanted::Wanted;
