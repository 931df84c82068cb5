//! The panes of the Sessions screen.

pub mod about;
mod cells;
pub mod form;
mod group;
mod groups;
pub mod list;
