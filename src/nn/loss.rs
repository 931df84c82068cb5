//! Cross-entropy at the supervised positions.

use candle_core::{CpuStorage, CustomOp1, D, DType, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::backend::Backend;
use super::cpu::{Real, max, slice, sum_of, vectorised, with_slices};
use super::cuda;
use super::precision::widened;

/// Exponentials that are summed in one block.
const BLOCK: usize = 2048;

/// Log-probabilities `[n]` (f32 or f64) of `targets` `[n]` (u32) under `logits` `[n, vocabulary]`.
///
/// # Errors
/// If shapes or devices differ, or a target is outside the vocabulary.
pub fn log_likelihoods(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    match Backend::of(logits) {
        Backend::Fused => fused(logits, targets),
        Backend::Kernels => cuda::log_likelihoods(logits, targets),
        Backend::Plain => plain(logits, targets),
    }
}

fn fused(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    let targets = targets.to_vec1::<u32>()?;
    let (rows, entries) = logits.dims2()?;
    if targets.len() != rows || targets.iter().any(|&target| target as usize >= entries) {
        bail!("{} targets for logits {:?}", targets.len(), logits.shape());
    }
    logits.contiguous()?.apply_op1(LogLikelihoods { targets })
}

/// The plain form of [`log_likelihoods`].
pub(super) fn plain(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    let log_probabilities = candle_nn::ops::log_softmax(&widened(logits)?, D::Minus1)?;
    log_probabilities.gather(&targets.unsqueeze(1)?, 1)?.squeeze(1)
}

/// The sum of `-log p(target)` over the rows, in nats, as a scalar. For the mean, divide by the number of supervised
/// tokens of the whole step.
///
/// # Errors
/// Where shapes or devices differ.
pub fn cross_entropy_sum(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    log_likelihoods(logits, targets)?.sum_all()?.neg()
}

/// The fused CPU form: two passes over a row, and one in backward. The plain form keeps several copies of the whole
/// table of probabilities.
struct LogLikelihoods {
    targets: Vec<u32>,
}

impl LogLikelihoods {
    fn forward<T: Real>(&self, logits: &[T]) -> Vec<T> {
        let rows = logits.par_chunks(logits.len() / self.targets.len().max(1));
        let of_row = |(row, &target): (&[T], &u32)| {
            let (largest, sum) = vectorised(|| {
                let largest = max(row, row[0]);
                // A vocabulary has about 150,000 entries, so the sums of short blocks are accumulated in f64.
                let mut sum = 0.0;
                for block in row.chunks(BLOCK) {
                    sum += sum_of(block, |x| (x - largest).exp()).to_f64();
                }
                (largest, sum)
            });
            row[target as usize] - largest - T::of(sum.ln())
        };
        rows.zip(&self.targets).map(of_row).collect()
    }

    /// `d logits = (onehot - p) grad`, where `log p = logits - (logits[target] - y)`.
    fn backward<T: Real>(&self, logits: &Tensor, y: &Tensor, grad: &Tensor) -> Result<Tensor> {
        let entries = logits.dim(1)?;
        let d = with_slices::<T, _>(&[logits, y, grad], |slices| {
            let mut d = vec![T::of(0.0); slices[0].len()];
            let rows = d.par_chunks_mut(entries).zip(slices[0].par_chunks(entries));
            let scalars = self.targets.par_iter().zip(slices[1].par_iter().zip(slices[2]));
            rows.zip(scalars).for_each(|((d, logits), (&target, (&y, &grad)))| {
                let target = target as usize;
                let log_sum = logits[target] - y;
                vectorised(|| {
                    for (d, &logit) in d.iter_mut().zip(logits) {
                        *d = T::of(0.0) - grad * (logit - log_sum).exp();
                    }
                });
                d[target] += grad;
            });
            Ok(d)
        })?;
        Tensor::from_vec(d, logits.shape(), logits.device())
    }
}

impl CustomOp1 for LogLikelihoods {
    fn name(&self) -> &'static str {
        "log-likelihoods"
    }

    fn cpu_fwd(&self, logits: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let y = match logits {
            CpuStorage::F64(_) => CpuStorage::F64(self.forward(slice(logits, layout)?)),
            _ => CpuStorage::F32(self.forward(slice(logits, layout)?)),
        };
        Ok((y, Shape::from(self.targets.len())))
    }

    fn bwd(&self, logits: &Tensor, y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let grad = grad.contiguous()?;
        Ok(Some(match logits.dtype() {
            DType::F64 => self.backward::<f64>(logits, y, &grad)?,
            _ => self.backward::<f32>(logits, y, &grad)?,
        }))
    }
}
