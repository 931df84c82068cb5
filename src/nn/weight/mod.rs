//! The matrix of a linear layer or of an embedding.

mod format;
mod packed;
#[cfg(test)]
mod tests;

use candle_core::{DType, Device, Result, Tensor};

pub use format::Format;
pub use packed::Packed;

/// A matrix `[rows, columns]`: as numbers, or, of a frozen model, in a compact form that is turned into numbers where it
/// is used.
#[derive(Clone, Debug)]
pub enum Weight {
    Dense(Tensor),
    Packed(Packed),
}

impl From<Tensor> for Weight {
    fn from(numbers: Tensor) -> Self {
        Self::Dense(numbers)
    }
}

impl From<Packed> for Weight {
    fn from(packed: Packed) -> Self {
        Self::Packed(packed)
    }
}

impl Weight {
    /// Rows and columns.
    ///
    /// # Errors
    /// If a tensor is no matrix.
    pub fn dims(&self) -> Result<(usize, usize)> {
        match self {
            Self::Dense(numbers) => numbers.dims2(),
            Self::Packed(packed) => Ok(packed.dims()),
        }
    }

    /// The format in which it is computed with.
    #[must_use]
    pub fn dtype(&self) -> DType {
        match self {
            Self::Dense(numbers) => numbers.dtype(),
            Self::Packed(packed) => packed.dtype(),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn device(&self) -> &Device {
        match self {
            Self::Dense(numbers) => numbers.device(),
            Self::Packed(packed) => packed.device(),
        }
    }

    /// The numbers `[rows, columns]`.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn numbers(&self) -> Result<Tensor> {
        match self {
            Self::Dense(numbers) => Ok(numbers.clone()),
            Self::Packed(packed) => packed.rows(0, packed.dims().0),
        }
    }

    /// The numbers `[count, columns]` of the rows from `from` on.
    ///
    /// # Errors
    /// If there are fewer rows, and where the device fails.
    pub fn rows(&self, from: usize, count: usize) -> Result<Tensor> {
        match self {
            Self::Dense(numbers) => numbers.narrow(0, from, count),
            Self::Packed(packed) => packed.rows(from, count),
        }
    }

    /// The numbers `[ids, columns]` of these rows.
    ///
    /// # Errors
    /// If there is no such row, and where the device fails.
    pub fn gather(&self, ids: &[u32]) -> Result<Tensor> {
        match self {
            Self::Dense(numbers) => numbers.index_select(&Tensor::new(ids, numbers.device())?, 0),
            Self::Packed(packed) => packed.gather(ids),
        }
    }

    /// The first `count` rows, in the same form.
    ///
    /// # Errors
    /// If there are fewer.
    pub fn first_rows(&self, count: usize) -> Result<Self> {
        Ok(match self {
            Self::Dense(numbers) => numbers.narrow(0, 0, count)?.into(),
            Self::Packed(packed) => packed.first_rows(count)?.into(),
        })
    }
}
