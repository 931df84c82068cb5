//! What the fused CPU operations are made of: number types, reductions, slices of tensors, working memory, and one
//! matrix product. Nothing here knows of layers or of the other backends.

mod buffer;
mod matrix;
mod real;
mod slices;
mod spares;

pub use buffer::Buffer;
pub use matrix::{Matrix, Threads, matrix_product};
pub use real::{Real, dot, dot3, max, sum, sum_of, vectorised};
pub use slices::{slice, with_slices};
