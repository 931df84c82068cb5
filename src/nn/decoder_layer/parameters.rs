//! The layer's parameters.

use candle_core::Result;

use crate::nn::{Linear, RmsNorm};

/// The layer's parameters, frozen or trained.
#[derive(Clone, Debug)]
pub struct DecoderLayer {
    pub input_norm: RmsNorm,
    pub attention_norm: RmsNorm,
    pub q: Linear,
    pub k: Linear,
    pub v: Linear,
    /// RMS norms over each head's queries and keys, applied before rotation (Qwen3).
    pub head_norms: Option<HeadNorms>,
    pub o: Linear,
    pub gate: Linear,
    pub up: Linear,
    pub down: Linear,
    /// The number of query heads, and the number of key and value heads.
    pub heads: (usize, usize),
}

/// RMS norms over one head's width.
#[derive(Clone, Debug)]
pub struct HeadNorms {
    pub q: RmsNorm,
    pub k: RmsNorm,
}

impl DecoderLayer {
    /// The width of one head, which need not be `hidden / heads`.
    pub(super) fn head_dim(&self) -> Result<usize> {
        Ok(self.q.weight().dims()?.0 / self.heads.0)
    }
}
