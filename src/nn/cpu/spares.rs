//! Working memory that was returned and can be used again.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

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

    /// A spare that holds `len` elements and is at most a quarter larger.
    pub(super) fn take(&self, len: usize) -> Option<Vec<T>> {
        self.lock().take(len)
    }

    /// Counts a vector of this capacity as in use.
    pub(super) fn count_used(&self, capacity: usize) {
        let mut kept = self.lock();
        kept.used += capacity;
        kept.most = kept.most.max(kept.used);
    }

    /// Takes back a vector that was counted as in use. Drops the oldest spares where there are too many.
    pub(super) fn give_back(&self, elements: Vec<T>) {
        let mut kept = self.lock();
        kept.used -= elements.capacity();
        kept.spare += elements.capacity();
        kept.spares.push_back(elements);
        while kept.spare + kept.used > kept.most {
            let Some(oldest) = kept.spares.pop_front() else { break };
            kept.spare -= oldest.capacity();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Kept<T> {
    fn take(&mut self, len: usize) -> Option<Vec<T>> {
        let fits = |spare: &Vec<T>| (len..=len + len / 4).contains(&spare.capacity());
        let found = self.spares.iter().rposition(fits)?;
        let taken = self.spares.remove(found)?;
        self.spare -= taken.capacity();
        Some(taken)
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
