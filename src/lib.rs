//! MASP: multi-aspect soft-prompt tuning for emotion reasoning in vision-language models, as a terminal workbench.
//!
//! Data flows one way: files -> [`data`] -> [`vlm`] -> [`aspects`] -> [`engine`] -> events -> [`session`] -> [`tui`].

// Outside tests, nothing that comes from outside causes a panic, and all output is written by `cli`.
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::todo,
        clippy::unimplemented,
        clippy::dbg_macro,
        clippy::print_stdout,
        clippy::print_stderr
    )
)]

#[cfg(test)]
extern crate self as masp;

pub mod aspects;
mod atomic_file;
mod bounded_file;
pub mod cli;
pub mod config;
pub mod data;
pub mod engine;
pub mod export;
mod figures;
mod heatmap;
#[cfg(test)]
mod hostile;
pub mod images;
mod inside;
pub mod keymap;
#[cfg(test)]
mod made_up;
pub mod metrics;
pub mod nn;
mod operating_system;
mod output_file;
mod printable;
mod relation;
pub mod runs;
mod safetensors_header;
pub mod session;
mod terms;
mod text;
pub mod theme;
pub mod tui;
mod user_cache;
pub mod vlm;
