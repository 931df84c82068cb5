//! Gradients of a batch that is cut into parts, computed on several threads.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, anyhow};
use candle_core::Tensor;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::params::Params;

/// One thread pool of a single thread for each worker: everything inside a part runs on its worker.
pub struct Workers {
    pools: Vec<ThreadPool>,
}

/// What the parts of a batch gave, summed in the parts' order: the result does not depend on who computed which.
pub struct Summed {
    /// In the parameters' order.
    pub gradients: Vec<Option<Tensor>>,
    /// The losses by kind.
    pub losses: Vec<f64>,
}

impl Workers {
    /// # Errors
    /// Where a thread cannot be started.
    pub fn new(count: usize) -> Result<Self> {
        let pool = || ThreadPoolBuilder::new().num_threads(1).stack_size(64 << 20).build();
        let pools = (0..count)
            .map(|_| pool())
            .collect::<Result<_, _>>()
            .context("starting the worker threads")?;
        Ok(Self { pools })
    }

    /// Calls `work` for each part and returns the results in the parts' order.
    ///
    /// # Errors
    /// The first error of a part.
    pub fn map<T: Send>(&self, parts: usize, work: impl Fn(usize) -> Result<T> + Sync) -> Result<Vec<T>> {
        let next = AtomicUsize::new(0);
        let claim = || {
            let mut results = Vec::new();
            loop {
                let part = next.fetch_add(1, Ordering::Relaxed);
                if part >= parts {
                    return results;
                }
                results.push((part, work(part)));
            }
        };
        let mut results: Vec<(usize, Result<T>)> = Vec::with_capacity(parts);
        std::thread::scope(|scope| {
            let handles: Vec<_> = self
                .pools
                .iter()
                .map(|pool| scope.spawn(|| pool.install(claim)))
                .collect();
            for handle in handles {
                results.extend(handle.join().map_err(|_| anyhow!("a worker thread ended early"))?);
            }
            Ok::<(), anyhow::Error>(())
        })?;
        results.sort_by_key(|(part, _)| *part);
        results.into_iter().map(|(_, result)| result).collect()
    }

    /// Sums gradients and losses of `parts` parts; `loss` gives the scalar to descend and the values to report.
    ///
    /// # Errors
    /// The first error of a part.
    pub fn gradients(
        &self,
        params: &Params,
        parts: usize,
        loss: impl Fn(usize) -> Result<(Tensor, Vec<f64>)> + Sync,
    ) -> Result<Summed> {
        let results = self.map(parts, |part| {
            let (loss, losses) = loss(part)?;
            let store = loss.backward()?;
            let gradients: Vec<Option<Tensor>> = params
                .iter()
                .map(|(_, var)| store.get(var.as_tensor()).map(Tensor::detach))
                .collect();
            Ok((gradients, losses))
        })?;
        let mut sum = Summed {
            gradients: Vec::new(),
            losses: Vec::new(),
        };
        for (gradients, losses) in results {
            if sum.losses.is_empty() {
                sum = Summed { gradients, losses };
                continue;
            }
            for (total, gradient) in sum.gradients.iter_mut().zip(gradients) {
                *total = match (total.take(), gradient) {
                    (Some(total), Some(gradient)) => Some((total + gradient)?),
                    (total, gradient) => total.or(gradient),
                };
            }
            sum.losses
                .iter_mut()
                .zip(losses)
                .for_each(|(total, loss)| *total += loss);
        }
        Ok(sum)
    }
}
