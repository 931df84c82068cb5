//! Differentiable building blocks on candle.
//!
//! candle drops or doubles gradients in some operations (`ops::rms_norm`, `Op::Matmul` on frozen weights), so each
//! block here defines its own backward. Every block has a plain form of candle's own differentiable operations, which
//! runs on any device and dtype. Where it pays, there is also a fused form for f32 and f64 on the CPU, and one for f32
//! and bf16 on CUDA devices. Tests compare the forms with each other and with finite differences.

pub mod activation;
pub mod attention;
mod buffer;
pub mod cuda;
pub mod decoder_layer;
pub mod embedding;
mod interrupt;
pub mod kernel;
pub mod layer_checkpoint;
pub mod linear;
pub mod loss;
pub mod norm;
mod precision;
pub mod rope;
#[cfg(test)]
pub(crate) mod tests;

pub use attention::{Mask, attention};
pub use decoder_layer::DecoderLayer;
pub use interrupt::{Interrupt, is_interrupt};
pub use linear::Linear;
pub use norm::{LayerNorm, RmsNorm};
pub use rope::Rotary;
