//! LLaVA-NeXT with Mistral: CLIP sees the whole picture as one tile, and a larger version in several tiles. Aspects
//! attend to the first tile; the language model gets both.

pub mod config;
mod pictures;
pub mod vision;

pub use pictures::TileProcessor;
