//! (room under construction)

pub mod qwen2_vl;
