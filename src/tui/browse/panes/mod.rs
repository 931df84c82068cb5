//! The panes of the Browse screen.

pub mod answers;
mod classes;
mod confusion;
mod effects;
mod faithfulness;
pub mod image;
mod reliability;
pub mod summary;
pub mod table;
