//! (room under construction)

pub mod aspect_file;
mod atomic;
pub mod checkpoint;
mod checkpoint_error;
mod checkpoint_meta;
pub mod host_tensor;
mod parameter_file;
pub mod prompt_file;
pub mod torch;
