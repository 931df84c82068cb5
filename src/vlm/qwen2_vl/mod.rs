//! Qwen2-VL.

pub mod processor;
