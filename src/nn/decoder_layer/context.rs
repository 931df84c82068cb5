//! What a layer must know of a batch besides its tokens.

use candle_core::{Result, Tensor};

use crate::nn::{Interrupt, Mask, Rotary};

/// What a layer must know of a batch besides its tokens: the same for all layers but the last.
#[derive(Clone, Debug)]
pub struct BatchContext {
    pub rotary: Rotary,
    pub mask: Mask,
    /// Once set, layers return early with meaningless results: check it after each forward.
    pub interrupt: Interrupt,
    /// The output positions; `None`: all positions.
    pub outputs: Option<Outputs>,
}

/// The output positions: those whose result is computed. All other tokens contribute only keys and values.
#[derive(Clone, Debug)]
pub struct Outputs {
    /// `[batch * per_sequence]` (u32): rows of the flattened input.
    pub index: Tensor,
    /// The number of output positions of each sequence.
    pub per_sequence: usize,
    pub rotary: Rotary,
    /// The input's mask, with the output positions as queries.
    pub mask: Mask,
}

/// Keys and values `[1, past, kv_heads, head]` of tokens that precede every sequence of a batch.
#[derive(Clone, Debug)]
pub struct Past {
    pub k: Tensor,
    pub v: Tensor,
}

impl Past {
    /// Prepends the past keys and values to `k` and `v` `[batch, tokens, kv_heads, head]` of each sequence.
    pub(super) fn before(&self, k: &Tensor, v: &Tensor) -> Result<(Tensor, Tensor)> {
        let join = |past: &Tensor, own: &Tensor| {
            let (_, tokens, heads, head) = past.dims4()?;
            Tensor::cat(&[&past.expand((own.dim(0)?, tokens, heads, head))?, own], 1)
        };
        Ok((join(&self.k, k)?, join(&self.v, v)?))
    }
}

impl BatchContext {
    /// The angles and the mask of the output positions.
    pub(super) fn of_outputs(&self) -> (&Rotary, &Mask) {
        match &self.outputs {
            Some(outputs) => (&outputs.rotary, &outputs.mask),
            None => (&self.rotary, &self.mask),
        }
    }
}
