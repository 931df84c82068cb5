//! MASP: multi-aspect soft-prompt tuning for emotion reasoning in vision-language models, as a terminal workbench.
//!
//! Data flows one way: files -> [`data`] -> [`vlm`] -> [`aspects`] -> [`engine`] -> events -> [`session`] -> [`tui`].

pub mod aspects;
mod atomic_file;
mod bounded_file;
pub mod cli;
pub mod config;
pub mod data;
pub mod engine;
pub mod export;
#[cfg(test)]
mod hostile;
mod inside;
pub mod metrics;
pub mod nn;
mod output_file;
mod printable;
mod safetensors_header;
pub mod session;
pub mod tui;
pub mod vlm;
