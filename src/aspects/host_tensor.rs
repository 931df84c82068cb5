//! Tensors as they lie in files: a shape and its numbers, on no device.

/// An f32 tensor in row-major order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HostTensor {
    pub shape: Vec<usize>,
    pub data: Vec<f32>,
}

impl HostTensor {
    /// The tensor, or nothing where `shape` does not hold as many values as `data` has.
    #[must_use]
    pub fn new(shape: Vec<usize>, data: Vec<f32>) -> Option<Self> {
        let tensor = Self { shape, data };
        tensor.is_consistent().then_some(tensor)
    }

    /// Whether none of its numbers is NaN or infinite.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        self.data.iter().all(|value| value.is_finite())
    }

    /// Whether the shape holds as many values as there are.
    #[must_use]
    pub fn is_consistent(&self) -> bool {
        self.shape.iter().try_fold(1usize, |n, &dim| n.checked_mul(dim)) == Some(self.data.len())
    }
}
