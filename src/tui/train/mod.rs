//! The Train screen: its curves' series, its keys, its layout, and its panes.

mod curve_keys;
pub mod curves;
mod keys;
pub mod layout;
pub mod panes;
