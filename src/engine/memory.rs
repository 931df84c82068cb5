//! Splits batches that the device's memory cannot hold.

use super::error::EngineError;

/// The most samples that the device is known to hold at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimit(pub usize);

impl Default for BatchLimit {
    fn default() -> Self {
        Self(usize::MAX)
    }
}

impl BatchLimit {
    /// A sentence for the user if the room has shrunk since `before`.
    #[must_use]
    pub fn notice(self, before: Self) -> Option<String> {
        (self != before).then(|| {
            format!(
                "the device's memory ran out; from here on it computes {} sample(s) at once, which changes the speed \
                 but not the results",
                self.0
            )
        })
    }

    /// Runs `work` on `batch` in parts that fit the device. If memory runs out, `relieve` first tries to free some.
    /// If it cannot, the part is halved, and later batches use parts of that size. A failed `work` must
    /// leave no effects behind.
    ///
    /// # Errors
    /// Any other failure, or a single sample that does not fit.
    pub fn in_parts<T>(
        &mut self,
        batch: &[T],
        mut relieve: impl FnMut() -> bool,
        mut work: impl FnMut(&[T]) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let mut done = 0;
        while done < batch.len() {
            let size = self.0.min(batch.len() - done);
            match work(&batch[done..done + size]) {
                Ok(()) => done += size,
                Err(error) if error.is_out_of_memory() && relieve() => {}
                Err(error) if size > 1 && error.is_out_of_memory() => self.0 = size / 2,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A device that holds `most` samples; gives the parts that it received.
    fn device(most: usize, batch: &[u32], room: &mut BatchLimit) -> Result<Vec<Vec<u32>>, EngineError> {
        let mut held = Vec::new();
        room.in_parts(
            batch,
            || false,
            |part| {
                if part.len() > most {
                    return Err(EngineError::Failed(
                        "CUDA_ERROR_OUT_OF_MEMORY, out of memory".to_owned(),
                    ));
                }
                held.push(part.to_vec());
                Ok(())
            },
        )?;
        Ok(held)
    }

    #[test]
    fn a_batch_that_is_too_large_is_halved_and_so_are_later_ones() {
        let mut room = BatchLimit::default();
        let batch = [1, 2, 3, 4, 5, 6, 7];
        assert_eq!(device(7, &batch, &mut room).unwrap(), [batch.to_vec()]);
        let held = device(2, &batch, &mut room).unwrap();
        assert_eq!(held, [vec![1], vec![2], vec![3], vec![4], vec![5], vec![6], vec![7]]);
        assert_eq!(room, BatchLimit(1));
        let mut room = BatchLimit::default();
        let held = device(4, &batch, &mut room).unwrap();
        assert_eq!((held.concat(), room), (batch.to_vec(), BatchLimit(3)));
        assert_eq!(device(4, &[8, 9], &mut room).unwrap(), [vec![8, 9]]);
    }

    #[test]
    fn caches_are_freed_before_a_batch_is_halved() {
        let (mut room, mut kept, mut held) = (BatchLimit::default(), vec!["features", "more"], Vec::new());
        // The device holds three samples, and a fourth once `relieve` has freed everything that is kept beside them.
        let free = std::cell::Cell::new(0);
        let relieve = || {
            free.set(usize::from(kept.len() == 1));
            kept.pop().is_some()
        };
        let mut tries = 0;
        room.in_parts(&[1, 2, 3, 4], relieve, |part| {
            tries += 1;
            if part.len() > 3 + free.get() {
                return Err(EngineError::Failed("out of memory".to_owned()));
            }
            held.push(part.to_vec());
            Ok(())
        })
        .unwrap();
        assert_eq!((held, room, tries), (vec![vec![1, 2, 3, 4]], BatchLimit::default(), 3));
        assert!(kept.is_empty());
    }

    #[test]
    fn one_sample_that_does_not_fit_and_other_failures_are_errors() {
        assert!(
            device(0, &[1, 2], &mut BatchLimit::default())
                .unwrap_err()
                .is_out_of_memory()
        );
        let mut tries = 0;
        let failed = BatchLimit::default().in_parts(
            &[1, 2],
            || true,
            |_| {
                tries += 1;
                Err(EngineError::Failed("broken".to_owned()))
            },
        );
        assert!(failed.is_err() && tries == 1);
    }
}
