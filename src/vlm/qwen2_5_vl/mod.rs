//! Qwen2.5-VL: Qwen2-VL with another vision tower, most of whose blocks attend within windows.

pub mod config;
pub mod vision;
