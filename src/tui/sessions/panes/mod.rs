//! The panes of the Sessions screen.

pub mod about;
pub mod form;
pub mod list;
