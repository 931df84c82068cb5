//! Qwen2-VL: a vision tower with layer norms and rotary positions, whose merged tokens stand in the language model's sequence.

pub mod config;
pub mod vision;
