//! (room under construction)

pub mod chat;
pub mod hub;
pub mod tokenizer;
pub mod weights;
