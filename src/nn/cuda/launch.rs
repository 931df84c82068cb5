//! The launch of a kernel, on whatever runs it.

use candle_core::{DType, Shape};

/// The most inputs that a kernel takes.
pub const INPUTS: usize = 4;

/// One launch of a kernel.
#[derive(Debug, Clone, PartialEq)]
pub struct Launch {
    pub kernel: &'static str,
    pub numbers: [u32; 6],
    pub reals: [f32; 4],
    pub work: Work,
    pub output: Shape,
    /// The output's dtype, which may differ from the first operand's.
    pub dtype: DType,
}

/// The unit of work of a kernel's threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// One block per row.
    Rows(u32),
    /// One thread per element.
    Elements(u32),
}

impl Work {
    /// The number of blocks, each of so many threads.
    #[must_use]
    pub const fn blocks(self, threads: u32) -> u32 {
        match self {
            Self::Rows(rows) => rows,
            Self::Elements(elements) => elements.div_ceil(threads),
        }
    }
}
