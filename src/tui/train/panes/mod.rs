//! The panes of the Train screen.

pub mod accuracy;
pub mod curves;
pub mod log;
pub mod rationale;
pub mod sample;
pub mod status;
