//! Cross-entropy at the supervised positions.

use candle_core::{D, Result, Tensor};

use super::precision::widened;

/// Log-probabilities `[n]` (f32 or f64) of `targets` `[n]` (u32) under `logits` `[n, vocabulary]`.
///
/// # Errors
/// Where shapes or devices differ.
pub fn log_likelihoods(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    let log_probabilities = candle_nn::ops::log_softmax(&widened(logits)?, D::Minus1)?;
    log_probabilities.gather(&targets.unsqueeze(1)?, 1)?.squeeze(1)
}

/// The sum of `-log p(target)` in nats over the rows, a scalar; divide by the number of supervised tokens of the whole
/// step for the mean.
///
/// # Errors
/// Where shapes or devices differ.
pub fn cross_entropy_sum(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    log_likelihoods(logits, targets)?.sum_all()?.neg()
}
