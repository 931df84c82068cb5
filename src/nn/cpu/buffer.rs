//! Reusable working memory.
//!
//! A training step requests the same buffers each time. Allocating a fresh one costs more than the work done in it: the
//! requesting thread zeroes it page by page while all other threads wait.

use std::ops::{Deref, DerefMut};

use super::real::Real;

/// A buffer that still contains its last user's values: write each element before you read it.
#[derive(Debug)]
pub struct Buffer<T: Real>(Vec<T>);

impl<T: Real> Buffer<T> {
    /// A buffer of `len` elements.
    #[must_use]
    pub fn of(len: usize) -> Self {
        let mut elements = T::spares().take(len).unwrap_or_default();
        elements.resize(len, T::of(0.0));
        T::spares().count_used(elements.capacity());
        Self(elements)
    }
}

impl<T: Real> Drop for Buffer<T> {
    fn drop(&mut self) {
        T::spares().give_back(std::mem::take(&mut self.0));
    }
}

impl<T: Real> Deref for Buffer<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Real> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}
