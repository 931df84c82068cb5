//! Tensors as files store them: a shape and its numbers in host memory.

/// An f32 tensor in row-major order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HostTensor {
    pub shape: Vec<usize>,
    pub data: Vec<f32>,
}

impl HostTensor {
    /// The tensor; `None` if `data` does not have as many values as `shape` requires.
    #[must_use]
    pub fn new(shape: Vec<usize>, data: Vec<f32>) -> Option<Self> {
        Some(Self::from_parts(shape, data)).filter(Self::is_consistent)
    }

    /// The tensor, whether or not `data` has as many values as `shape` requires.
    #[must_use]
    pub const fn from_parts(shape: Vec<usize>, data: Vec<f32>) -> Self {
        Self { shape, data }
    }

    /// Whether all its numbers are finite.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        self.data.iter().all(|value| value.is_finite())
    }

    /// Whether the number of values matches the shape.
    #[must_use]
    pub fn is_consistent(&self) -> bool {
        count(&self.shape) == Some(self.data.len())
    }
}

/// The number of values that a shape requires; `None` where it does not fit in memory.
pub(super) fn count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |count, &dim| count.checked_mul(dim))
}
