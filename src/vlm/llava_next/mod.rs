//! LLaVA-NeXT with Mistral: CLIP sees the whole picture as one tile and a larger one in several; aspects attend to the first,
//! the language model is given both.

pub mod config;
mod pictures;
pub mod vision;

pub use pictures::TileProcessor;
