//! Attention on a CUDA device, forward and backward, of heads that precede tokens. Backward computes the scores again, and
//! neither ever holds more of them than [`MOST`] bytes, or one head's.

use candle_core::{DType, Result, Tensor};

use super::mask::Mask;
use crate::nn::cuda::{self, DeviceMask};

/// Bytes of scores that are computed at once.
const MOST: usize = 1 << 28;

/// `softmax(q k^T / sqrt(head_dim)) v` where `mask` allows, `[batch, heads, queries, head_dim]`, for `q` of this shape and
/// `k` and `v` `[batch, kv_heads, keys, head_dim]`. No graph.
///
/// # Errors
/// Where shapes differ or the device fails.
pub fn forward((q, k, v): (&Tensor, &Tensor, &Tensor), mask: &Mask) -> Result<Tensor> {
    Ok(forward_in((q, k, v), mask, MOST)?.0)
}

/// Like [`forward`]; also returns the attention weights for [`backward`], unless they are too large to be kept.
///
/// # Errors
/// As [`forward`].
pub fn forward_with_weights((q, k, v): (&Tensor, &Tensor, &Tensor), mask: &Mask) -> Result<(Tensor, Option<Tensor>)> {
    forward_in((q, k, v), mask, MOST)
}

/// `attended` `[batch, heads, queries, head_dim]` as `[batch, queries, heads, head_dim]`.
///
/// # Errors
/// Where the device fails.
pub fn joined(attended: &Tensor) -> Result<Tensor> {
    let (batch, heads, queries, width) = attended.dims4()?;
    if queries == 1 {
        return attended.reshape((batch, queries, heads, width));
    }
    cuda::token_major(attended, None, 0)
}

fn forward_in((q, k, v): (&Tensor, &Tensor, &Tensor), mask: &Mask, most: usize) -> Result<(Tensor, Option<Tensor>)> {
    let pieces = Pieces::new((q, k, v), mask, most)?;
    let (mut attended, mut last) = (Vec::new(), None);
    for piece in &pieces.all {
        let (q, k, v) = (
            pieces.part(&pieces.q, piece)?,
            pieces.part(k, piece)?,
            pieces.part(v, piece)?,
        );
        let weights = pieces.weights((&q, &k), piece)?;
        attended.push(weights.matmul(&v)?);
        last = (pieces.all.len() == 1).then_some(weights);
    }
    Ok((Pieces::joined(attended, q)?, last))
}

/// The gradients of `q`, `k` and `v`, from that of the result. The weights are computed again if forward did not keep them.
///
/// # Errors
/// As [`forward`].
pub fn backward(
    (q, k, v): (&Tensor, &Tensor, &Tensor),
    mask: &Mask,
    weights: Option<Tensor>,
    grad: &Tensor,
) -> Result<(Tensor, Tensor, Tensor)> {
    backward_in((q, k, v), mask, (weights, grad), MOST)
}

fn backward_in(
    (q, k, v): (&Tensor, &Tensor, &Tensor),
    mask: &Mask,
    (mut kept, grad): (Option<Tensor>, &Tensor),
    most: usize,
) -> Result<(Tensor, Tensor, Tensor)> {
    let pieces = Pieces::new((q, k, v), mask, most)?;
    let grad = grad.reshape(pieces.q.shape())?;
    let (mut dq, mut dk, mut dv) = (Vec::new(), Vec::new(), Vec::new());
    for piece in &pieces.all {
        let grad = pieces.part(&grad, piece)?;
        let (q, k, v) = (
            pieces.part(&pieces.q, piece)?,
            pieces.part(k, piece)?,
            pieces.part(v, piece)?,
        );
        let weights = match kept.take() {
            Some(weights) => weights,
            None => pieces.weights((&q, &k), piece)?,
        };
        dv.push(weights.t()?.matmul(&grad)?);
        // What the softmax takes from it is about as large, so that a rounded gradient would lose most of its digits.
        let d_weights = cuda::product_in_f32(&grad, &v.t()?)?;
        let d_scores = cuda::masked_softmax_backward(&weights, &d_weights, pieces.scale)?;
        drop((weights, d_weights));
        dq.push(d_scores.matmul(&k)?);
        dk.push(d_scores.t()?.matmul(&q)?);
    }
    Ok((Pieces::joined(dq, q)?, Pieces::joined(dk, k)?, Pieces::joined(dv, v)?))
}

/// Sequences and heads whose scores are computed at once.
struct Piece {
    /// The first sequence, and their number.
    sequences: (usize, usize),
    /// The first head of keys and values, and their number.
    kv_heads: (usize, usize),
}

/// All pieces of a call, and what they share.
struct Pieces {
    all: Vec<Piece>,
    /// `[batch, kv_heads, heads / kv_heads * queries, head_dim]`: query heads of one group read the same keys, as if they
    /// were further queries of one head.
    q: Tensor,
    /// `None`: every query sees every key.
    mask: Option<DeviceMask>,
    queries: usize,
    scale: f64,
}

impl Pieces {
    fn new((q, k, v): (&Tensor, &Tensor, &Tensor), mask: &Mask, most: usize) -> Result<Self> {
        let (batch, heads, queries, width) = q.dims4()?;
        let (k_batch, kv_heads, keys, _) = k.dims4()?;
        mask.check_sizes((batch, heads, queries), (k_batch, kv_heads, keys), k.dims() == v.dims())?;
        // Scores are in f32.
        let of_head = heads / kv_heads * queries * keys * 4;
        let at_once = (most / of_head.max(1)).max(1);
        // Whole sequences if one fits, else some heads of one.
        let (sequences, of_kv) = ((at_once / kv_heads).max(1), at_once.min(kv_heads));
        let ranges = |of: usize, step: usize| (0..of).step_by(step).map(move |from| (from, step.min(of - from)));
        let all = ranges(batch, sequences)
            .flat_map(|sequences| ranges(kv_heads, of_kv).map(move |kv_heads| Piece { sequences, kv_heads }));
        Ok(Self {
            all: all.collect(),
            q: q.reshape((batch, kv_heads, heads / kv_heads * queries, width))?,
            mask: (!mask.hides_nothing(queries))
                .then(|| mask.on_device(queries, q.device()))
                .transpose()?,
            queries,
            scale: 1.0 / (width as f64).sqrt(),
        })
    }

    /// The piece's part of `x` `[batch, kv_heads, ..]`.
    fn part(&self, x: &Tensor, piece: &Piece) -> Result<Tensor> {
        if self.all.len() == 1 {
            return Ok(x.clone());
        }
        let ((sequence, sequences), (head, heads)) = (piece.sequences, piece.kv_heads);
        x.narrow(0, sequence, sequences)?.narrow(1, head, heads)
    }

    /// The attention weights of the parts `q` and `k` of a piece.
    fn weights(&self, (q, k): (&Tensor, &Tensor), piece: &Piece) -> Result<Tensor> {
        // Rounded scores would be the largest error of all: their exponentials tell small differences of large numbers.
        let scores = cuda::product_in_f32(q, &k.t()?)?;
        let (sequence, sequences) = piece.sequences;
        let part = |mask: &DeviceMask| {
            Ok::<_, candle_core::Error>(DeviceMask {
                segments: mask.segments.narrow(0, sequence, sequences)?,
                queries: mask.queries.narrow(0, sequence, sequences)?,
                causal: mask.causal,
            })
        };
        let mask = self.mask.as_ref().map(part).transpose()?;
        let by_query = scores.reshape((sequences, (), self.queries, k.dim(2)?))?;
        let weights = if q.dtype() == DType::BF16 {
            cuda::rounded_softmax(&by_query, mask.as_ref(), self.scale)?
        } else {
            cuda::masked_softmax(&by_query, mask.as_ref(), self.scale)?
        };
        weights.reshape(scores.shape())
    }

    /// The pieces' results as one tensor of the shape of `like`.
    fn joined(mut parts: Vec<Tensor>, like: &Tensor) -> Result<Tensor> {
        if parts.len() > 1 {
            // Of several pieces each has one sequence, or all heads: they follow one another.
            let rows = parts.iter().map(|part| part.flatten(0, 1));
            return Tensor::cat(&rows.collect::<Result<Vec<_>>>()?, 0)?.reshape(like.shape());
        }
        match parts.pop() {
            Some(part) => part.reshape(like.shape()),
            // There is no sequence.
            None => like.zeros_like(),
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::nn::cuda::emulated;
    use crate::nn::tests::noise;

    #[test]
    fn pieces_of_any_size_give_the_same() -> Result<()> {
        let of = |seed, shape: &[usize]| noise(seed, shape).to_dtype(DType::F32);
        let (q, grad) = (of(1, &[3, 6, 5, 4])?, of(4, &[3, 6, 5, 4])?);
        let (k, v) = (of(2, &[3, 3, 5, 4])?, of(3, &[3, 3, 5, 4])?);
        let mask = Mask::new(
            true,
            vec![
                vec![0; 5],
                vec![0, 0, 1, 2, 2],
                vec![0, 0, 0, Mask::PADDING, Mask::PADDING],
            ],
        );
        let numbers = |x: &Tensor| x.flatten_all()?.to_vec1::<f32>();
        let of_head = 2 * 5 * 5 * 4;
        emulated(|| {
            let all = |most| -> Result<Vec<Vec<f32>>> {
                let (y, weights) = forward_in((&q, &k, &v), &mask, most)?;
                assert_eq!(weights.is_some(), most == MOST);
                let (dq, dk, dv) = backward_in((&q, &k, &v), &mask, (None, &grad), most)?;
                if weights.is_some() {
                    let (again, ..) = backward_in((&q, &k, &v), &mask, (weights, &grad), most)?;
                    assert_eq!(numbers(&again)?, numbers(&dq)?);
                }
                [y, dq, dk, dv].iter().map(numbers).collect()
            };
            let whole = all(MOST)?;
            // One head, two heads, a sequence, two sequences at once.
            for most in [0, 2 * of_head, 3 * of_head, 6 * of_head] {
                assert_eq!(all(most)?, whole, "{most}");
            }
            let narrow = Tensor::zeros((3, 3, 4, 4), DType::F32, &Device::Cpu)?;
            assert!(forward((&q, &narrow, &narrow), &mask).is_err());
            Ok(())
        })
    }
}
