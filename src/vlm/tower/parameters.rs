//! What towers build of their weights: the layer that embeds patches, and layer norms.

use candle_core::Result;

use crate::nn::{LayerNorm, Linear};
use crate::vlm::Scope;

/// A convolution whose stride equals its kernel, applied to flattened patches, which makes it a linear layer. `kernel`
/// is the weight's shape, starting with the width.
///
/// # Errors
/// Where a parameter is missing or of another shape.
pub fn patch_embedding(scope: &Scope, kernel: &[usize], bias: bool) -> Result<Linear> {
    let weight = scope.get("weight", kernel)?.flatten_from(1)?;
    let width = kernel.first().copied().unwrap_or(0);
    let bias = if bias { Some(scope.get("bias", &[width])?) } else { None };
    Ok(Linear::new(weight, bias, scope.trained()))
}

/// A layer norm's weight and bias, `[width]` each.
///
/// # Errors
/// Where a parameter is missing or of another shape.
pub fn layer_norm(scope: &Scope, width: usize, eps: f64) -> Result<LayerNorm> {
    Ok(LayerNorm::new(
        scope.get("weight", &[width])?,
        scope.get("bias", &[width])?,
        eps,
        scope.trained(),
    ))
}
