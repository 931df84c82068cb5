//! MASP itself: the aspects' queries and cross-attention, the soft prompt, and the sequences they stand in.

pub mod batch;
pub mod modules;
pub mod sequence;

pub use batch::Batch;
pub use modules::{AspectModule, AspectModules, Initial};
pub use sequence::{PositionRule, Row, Sequence};
