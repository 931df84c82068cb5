//! Differentiable building blocks on candle.
//!
//! candle drops or doubles gradients in some operations (`ops::rms_norm`, `Op::Matmul` on frozen weights), so each
//! block here defines its own backward. Every block has a plain form of candle's own differentiable operations, which
//! runs on any device and dtype. Where it pays, there is also a fused form for f32 and f64 on the CPU, and a kernel for
//! f32 and bf16 on CUDA devices; `backend` decides among them. Tests compare the forms with each other and with finite
//! differences.
//!
//! Data flows one way: `cpu` (what fused operations are made of) and `cuda` (the kernels) stand below `backend`, then
//! come the operations, the decoder layer, and `probe`, which compares kernels with plain operations.

pub mod activation;
pub mod attention;
mod backend;
pub mod cpu;
#[cfg_attr(feature = "cuda", allow(unsafe_code, reason = "kernels are launched on pointers"))]
mod cuda;
pub mod decoder_layer;
pub mod embedding;
mod fault;
mod interrupt;
mod known_result;
pub mod layer_checkpoint;
pub mod linear;
pub mod loss;
pub mod norm;
pub mod optimizer;
mod precision;
mod probe;
pub mod rope;
#[cfg(test)]
pub(crate) mod tests;
pub mod weight;

pub use attention::{Mask, attention, joined_attention, rotated_attention};
pub use cuda::{DeviceMemory, memory};
pub use decoder_layer::DecoderLayer;
pub use fault::{Fault, without_backtrace};
pub use interrupt::{Interrupt, is_interrupt};
pub use linear::Linear;
pub use norm::{LayerNorm, RmsNorm};
pub use probe::prepare_device;
pub use rope::Rotary;
pub use weight::Weight;
