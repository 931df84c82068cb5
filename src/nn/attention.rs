//! Scaled dot-product attention with grouped heads, for padded and packed sequences.

mod fused;
mod head;
pub(super) mod heads;
mod mask;
pub(super) mod on_device;

use candle_core::{D, Result, Tensor};

use super::backend::Backend;
use super::cuda::{self, OnTheWay};
use super::linear::Linear;
use super::precision::widened;
use super::rope::Rotary;

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
    mask.check_sizes((batch, heads, queries), (k_batch, kv_heads, keys), k.dims() == v.dims())?;
    match Backend::of(q) {
        Backend::Fused => {
            let op = fused::Attention { mask: mask.clone() };
            let y = q.contiguous()?.apply_op3(&k.contiguous()?, &v.contiguous()?, op)?;
            y.reshape((batch, queries, heads * width))
        }
        Backend::Kernels | Backend::Plain => plain(q, k, v, mask),
    }
}

/// [`attention()`] over `q` and `k` that are first rotated, if angles are given.
///
/// # Errors
/// As [`attention()`].
pub fn rotated_attention(
    (q, k, v): (&Tensor, &Tensor, &Tensor),
    rotary: Option<&Rotary>,
    mask: &Mask,
) -> Result<Tensor> {
    let tracked = q.track_op() || k.track_op() || v.track_op();
    if Backend::of(q) == Backend::Kernels && !tracked {
        let (batch, queries, heads, width) = q.dims4()?;
        let of = |x: &Tensor, tables| {
            cuda::heads_major(
                x,
                OnTheWay {
                    tables,
                    ..OnTheWay::default()
                },
            )
        };
        let tables = rotary.map(Rotary::joined);
        let (q, k, v) = (of(q, tables)?, of(k, tables)?, of(v, None)?);
        let attended = on_device::forward((&q, &k, &v), mask)?;
        return on_device::joined(&attended)?.reshape((batch, queries, heads * width));
    }
    match rotary {
        Some(rotary) => attention(&rotary.apply(q)?, &rotary.apply(k)?, v, mask),
        None => attention(q, k, v, mask),
    }
}

/// [`rotated_attention`] over the parts of `joined(x)`, which are queries, keys and values of `heads` heads side by side, for
/// `x` `[batch, tokens, width]`.
///
/// # Errors
/// As [`attention()`].
pub fn joined_attention(
    (joined, heads): (&Linear, usize),
    x: &Tensor,
    rotary: Option<&Rotary>,
    mask: &Mask,
) -> Result<Tensor> {
    let (batch, tokens, _) = x.dims3()?;
    if batch == 1 && Backend::of(x) == Backend::Kernels && !x.track_op() {
        let (y, bias) = joined.forward_apart(x)?;
        let [q, k, v] = cuda::joined_heads(
            &y.reshape((1, tokens, 3 * heads, ()))?,
            bias,
            rotary.map(Rotary::joined),
        )?;
        return on_device::joined(&on_device::forward((&q, &k, &v), mask)?)?.reshape((1, tokens, ()));
    }
    let [q, k, v] = parts(&joined.forward(x)?, heads)?;
    rotated_attention((&q, &k, &v), rotary, mask)
}

/// Queries, keys and values `[batch, tokens, heads, width / heads]` of rows that have them side by side, `[batch, tokens, 3
/// width]`.
///
/// # Errors
/// Where the heads do not fit.
pub fn parts(joined: &Tensor, heads: usize) -> Result<[Tensor; 3]> {
    let (batch, tokens, width) = joined.dims3()?;
    // As views: reshaping a part of each row would copy it.
    let joined = joined.reshape((batch, tokens, 3, heads, width / 3 / heads))?;
    let part = |i: usize| joined.narrow(2, i, 1)?.squeeze(2);
    Ok([part(0)?, part(1)?, part(2)?])
}

/// The softmax over the last dimension of `x` `[a, b, c]`.
///
/// # Errors
/// Where the device fails.
pub fn softmax(x: &Tensor) -> Result<Tensor> {
    match Backend::of(x) {
        Backend::Kernels => cuda::masked_softmax(&x.unsqueeze(1)?, None, 1.0)?.squeeze(1),
        Backend::Fused | Backend::Plain => candle_nn::ops::softmax(x, D::Minus1),
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
        Backend::Kernels => cuda::masked_softmax(&scores, Some(&mask.on_device(queries, q.device())?), scale)?,
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
