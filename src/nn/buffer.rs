//! Working memory that is used again and again.
//!
//! A training step asks for the same pieces of memory each time. A fresh one costs more than what is done with it: it is
//! zeroed, page by page, by the one thread that asks, while all others wait.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::kernel::Real;

/// Elements with the values that their last user left: write each of them before you read it.
#[derive(Debug)]
pub struct Buffer<T: Real>(Vec<T>);

/// What was given back, the last one at the end. Never more than was in use at once.
#[derive(Debug)]
pub struct Spares<T>(Mutex<Kept<T>>);

#[derive(Debug)]
struct Kept<T> {
    spares: VecDeque<Vec<T>>,
    /// Elements of the spares, of what is in use, and of the most that ever was.
    spare: usize,
    used: usize,
    most: usize,
}

impl<T> Spares<T> {
    /// None.
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
    /// A spare one that holds `len` elements and not many more.
    fn take(&mut self, len: usize) -> Option<Vec<T>> {
        let fits = |spare: &Vec<T>| (len..=len + len / 4).contains(&spare.capacity());
        let found = self.spares.iter().rposition(fits)?;
        let taken = self.spares.remove(found)?;
        self.spare -= taken.capacity();
        Some(taken)
    }
}

impl<T: Real> Buffer<T> {
    /// One of `len` elements.
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
