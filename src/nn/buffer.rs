//! Reusable working memory.
//!
//! A training step requests the same buffers each time. Allocating a fresh one costs more than the work done in it: the
//! requesting thread zeroes it page by page while all other threads wait.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::kernel::Real;

/// A buffer that still contains its last user's values: write each element before you read it.
#[derive(Debug)]
pub struct Buffer<T: Real>(Vec<T>);

/// Buffers that were returned, the most recent last. Spares and buffers in use never exceed the peak use.
#[derive(Debug)]
pub struct Spares<T>(Mutex<Kept<T>>);

#[derive(Debug)]
struct Kept<T> {
    spares: VecDeque<Vec<T>>,
    /// Numbers of elements: `spare` in the spares, `used` in use, `most` the peak of `used`.
    spare: usize,
    used: usize,
    most: usize,
}

impl<T> Spares<T> {
    /// An empty pool.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(Kept {
            spares: VecDeque::new(),
            spare: 0,
            used: 0,
            most: 0,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Kept<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Kept<T> {
    /// Takes a spare that holds `len` elements and is at most a quarter larger.
    fn take(&mut self, len: usize) -> Option<Vec<T>> {
        let fits = |spare: &Vec<T>| (len..=len + len / 4).contains(&spare.capacity());
        let found = self.spares.iter().rposition(fits)?;
        let taken = self.spares.remove(found)?;
        self.spare -= taken.capacity();
        Some(taken)
    }
}

impl<T: Real> Buffer<T> {
    /// A buffer of `len` elements.
    #[must_use]
    pub fn of(len: usize) -> Self {
        let spare = T::spares().lock().take(len);
        let mut elements = spare.unwrap_or_default();
        elements.resize(len, T::of(0.0));
        let mut kept = T::spares().lock();
        kept.used += elements.capacity();
        kept.most = kept.most.max(kept.used);
        Self(elements)
    }
}

impl<T: Real> Drop for Buffer<T> {
    fn drop(&mut self) {
        let elements = std::mem::take(&mut self.0);
        let mut kept = T::spares().lock();
        kept.used -= elements.capacity();
        kept.spare += elements.capacity();
        kept.spares.push_back(elements);
        while kept.spare + kept.used > kept.most {
            let Some(oldest) = kept.spares.pop_front() else { break };
            kept.spare -= oldest.capacity();
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spare_is_taken_where_it_fits_and_no_more_are_kept_than_were_in_use() {
        let kept = Spares::<f64>::new();
        let mut kept = kept.lock();
        for len in [100, 200, 110] {
            kept.spares.push_back(Vec::with_capacity(len));
            kept.spare += len;
        }
        assert!(kept.take(300).is_none() && kept.take(50).is_none());
        assert_eq!(kept.take(100).map(|spare| spare.capacity()), Some(110));
        assert_eq!(kept.take(100).map(|spare| spare.capacity()), Some(100));
        assert_eq!((kept.take(100), kept.spare), (None, 200));
    }
}
