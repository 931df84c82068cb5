//! The drawn dataset of the embedded default: scenes as data, the rule that gives their emotion, their pictures, and files in EmoSet's layout.

pub mod draw;
mod place;
mod pose;
pub mod rule;
pub mod scene;
pub mod situation;

pub use scene::Scene;
