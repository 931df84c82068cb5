//! Qwen3-VL (dense): norms over each head, interleaved M-RoPE, and features of several vision blocks that are added to the
//! language model's first layers (DeepStack).

pub mod config;
pub mod vision;
