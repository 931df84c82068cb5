//! The panes of the Compare screen.

pub mod differences;
pub mod figures;
pub mod losses;
pub mod many;
pub mod pair;
pub mod pairs;
pub mod recalls;
