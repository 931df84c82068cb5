//! Qwen2-VL: a vision tower with layer norms and rotary positions. Its merged tokens are part of the language model's
//! sequence.

pub mod config;
pub mod vision;
