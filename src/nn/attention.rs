//! Scaled dot-product attention with grouped heads, for padded and packed sequences.

mod fused;
mod head;
pub(super) mod heads;
mod mask;

use candle_core::{D, Result, Tensor, bail};

use super::backend::Backend;
use super::cuda;
use super::precision::widened;

pub use mask::Mask;

/// `softmax(q k^T / sqrt(head_dim)) v` where `mask` allows.
///
/// `q` is `[batch, queries, heads, head_dim]`, `k` and `v` are `[batch, keys, kv_heads, head_dim]`; query head `i`
/// reads key head `i / (heads / kv_heads)`. The mask gives the queries' positions among the keys. The result is
/// `[batch, queries, heads * head_dim]`.
///
/// # Errors
/// Where shapes, dtypes or devices differ.
pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor, mask: &Mask) -> Result<Tensor> {
    let (batch, queries, heads, width) = q.dims4()?;
    let (k_batch, keys, kv_heads, _) = k.dims4()?;
    let fits = k.dims() == v.dims() && k_batch == batch && heads % kv_heads == 0 && mask.fits(queries);
    if !fits || mask.keys() != keys || mask.segments().len() != batch {
        bail!(
            "attention over q {:?}, k {:?}, v {:?}, {} masked keys",
            q.shape(),
            k.shape(),
            v.shape(),
            mask.keys()
        );
    }
    match Backend::of(q) {
        Backend::Fused => {
            let op = fused::Attention { mask: mask.clone() };
            let y = q.contiguous()?.apply_op3(&k.contiguous()?, &v.contiguous()?, op)?;
            y.reshape((batch, queries, heads * width))
        }
        Backend::Kernels | Backend::Plain => plain(q, k, v, mask),
    }
}

/// [`attention()`] as separate operations; the softmax is a kernel where there is one.
pub(super) fn plain(q: &Tensor, k: &Tensor, v: &Tensor, mask: &Mask) -> Result<Tensor> {
    let (batch, queries, heads, width) = q.dims4()?;
    let (_, keys, kv_heads, _) = k.dims4()?;
    // Query heads of one group read the same keys. Treating them as additional queries of one head avoids copying keys.
    let grouped = (batch, kv_heads, heads / kv_heads * queries, width);
    let q = q.transpose(1, 2)?.contiguous()?.reshape(grouped)?;
    let (k, v) = (k.transpose(1, 2)?.contiguous()?, v.transpose(1, 2)?.contiguous()?);
    let scores = q.matmul(&k.t()?)?.reshape((batch, heads, queries, keys))?;
    let scale = 1.0 / (width as f64).sqrt();
    let weights = match Backend::of(&scores) {
        Backend::Kernels => cuda::masked_softmax(&scores, &mask.on_device(queries, q.device())?, scale)?,
        Backend::Fused | Backend::Plain => plain_softmax(&scores, mask, scale)?,
    };
    weights
        .reshape((batch, kv_heads, heads / kv_heads * queries, keys))?
        .matmul(&v)?
        .reshape((batch, heads, queries, width))?
        .transpose(1, 2)?
        .contiguous()?
        .reshape((batch, queries, heads * width))
}

/// `softmax(scale * scores)` of `scores` `[batch, heads, queries, keys]` where `mask` allows.
pub(super) fn plain_softmax(scores: &Tensor, mask: &Mask, scale: f64) -> Result<Tensor> {
    let (dtype, queries) = (scores.dtype(), scores.dim(2)?);
    let scores = (widened(scores)? * scale)?;
    let scores = if mask.hides_nothing(queries) {
        scores
    } else {
        scores.broadcast_add(&mask.dense(queries, scores.dtype(), scores.device())?)?
    };
    candle_nn::ops::softmax(&scores, D::Minus1)?.to_dtype(dtype)
}
