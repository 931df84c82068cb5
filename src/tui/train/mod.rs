//! The Train screen: its curves' series, its keys, how its panes are laid out, and the panes.

mod curve_keys;
pub mod curves;
mod keys;
pub mod layout;
pub mod panes;
