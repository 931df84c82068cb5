//! What is given up, in which order, where the device's memory runs out.

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

    /// Halves the size of the largest part of batches of `most` samples. False if a part is a single sample already.
    pub fn halve(&mut self, most: usize) -> bool {
        let size = self.0.min(most);
        if size > 1 {
            self.0 = size / 2;
        }
        size > 1
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
                Err(error) if error.is_out_of_memory() && self.halve(size) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// How a training step spares the device's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thrift {
    pub room: BatchLimit,
    /// Whether layers run again in the backward pass (`train.gradient_checkpointing`).
    pub recompute: bool,
}

impl Thrift {
    /// Whole batches.
    #[must_use]
    pub fn new(recompute: bool) -> Self {
        Self {
            room: BatchLimit::default(),
            recompute,
        }
    }

    /// After memory ran out in a step with batches of `most` samples: takes smaller parts, and where these are single
    /// samples, runs layers again, at first with whole batches. False if there is nothing left to save.
    pub fn save(&mut self, most: usize) -> bool {
        if self.room.halve(most) {
            return true;
        }
        if !self.recompute {
            *self = Self::new(true);
            return true;
        }
        false
    }

    /// Sentences for the user on what has changed since `before`.
    #[must_use]
    pub fn notices(self, before: Self) -> Vec<String> {
        let recompute = (self.recompute && !before.recompute).then(|| {
            "the device's memory ran out with a single sample; from here on layers run again in the backward pass \
             (train.gradient_checkpointing), which takes longer but does not change the results"
                .to_owned()
        });
        recompute.into_iter().chain(self.room.notice(before.room)).collect()
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
    fn parts_become_smaller_before_layers_run_again() {
        let begin = Thrift::new(false);
        let mut thrift = begin;
        let mut tried = Vec::new();
        while thrift.save(4) {
            tried.push((thrift.room.0.min(4), thrift.recompute));
        }
        assert_eq!(tried, [(2, false), (1, false), (4, true), (2, true), (1, true)]);
        let notices = thrift.notices(begin);
        assert!(
            matches!(&notices[..], [layers, parts] if layers.contains("gradient_checkpointing") && parts.contains("1 sample")),
            "{notices:?}"
        );
        assert!(thrift.notices(thrift).is_empty());
        assert!(
            !Thrift {
                room: BatchLimit(1),
                recompute: true
            }
            .save(1)
        );
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
