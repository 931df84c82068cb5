//! MASP itself: the aspects' queries and cross-attention, the soft prompt, the sequences that contain them, and their
//! files.

pub mod aspect_file;
pub mod batch;
mod beginning;
pub mod checkpoint;
mod checkpoint_error;
mod checkpoint_meta;
pub mod host_tensor;
#[cfg(test)]
mod hostile;
pub mod modules;
pub mod parameter_file;
pub mod prompt_file;
pub mod prompt_rows;
pub mod sequence;
pub mod torch;

pub use batch::{Batch, VisualRows, Visuals};
pub use modules::{AspectModule, AspectModules, Initial};
pub use prompt_rows::PromptRows;
pub use sequence::{PositionRule, Row, Sequence, VisionRun};
