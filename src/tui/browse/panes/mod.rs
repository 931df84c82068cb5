//! The panes of the Browse screen.

pub mod answers;
mod classes;
mod confusion;
mod confusions;
mod effects;
mod faithfulness;
pub mod image;
mod ranking;
mod reliability;
pub mod summary;
pub mod table;
