//! A decoder layer of Qwen2: attention and SwiGLU, each behind an RMS norm and onto a residual.

mod backward;
mod forward;
mod fused;
#[cfg(test)]
mod tests;
mod weights;

use std::sync::Arc;

use candle_core::{Result, Tensor};
use candle_nn::kv_cache::KvCache;

use super::kernel::is_fused;
use super::layer_checkpoint::checkpointed;
use super::{Linear, Mask, RmsNorm, Rotary, activation, attention};

/// The layer's parameters, frozen or trained.
#[derive(Clone, Debug)]
pub struct DecoderLayer {
    pub input_norm: RmsNorm,
    pub attention_norm: RmsNorm,
    pub q: Linear,
    pub k: Linear,
    pub v: Linear,
    pub o: Linear,
    pub gate: Linear,
    pub up: Linear,
    pub down: Linear,
    /// Query heads, and heads of keys and values.
    pub heads: (usize, usize),
}

/// Where the tokens of a batch stand, and what they see: the same for all layers but the last.
#[derive(Clone, Debug)]
pub struct Places {
    pub rotary: Rotary,
    pub mask: Mask,
    /// Where only some tokens' results are wanted.
    pub few: Option<Few>,
}

/// The few places whose results are wanted: all others give keys and values alone.
#[derive(Clone, Debug)]
pub struct Few {
    /// `[batch * width]` (u32): rows of the flattened input.
    pub index: Tensor,
    /// Wanted of each sequence.
    pub width: usize,
    pub rotary: Rotary,
    /// As the input's, with the wanted places as queries.
    pub mask: Mask,
}

impl Places {
    fn asking(&self) -> (&Rotary, &Mask) {
        match &self.few {
            Some(few) => (&few.rotary, &few.mask),
            None => (&self.rotary, &self.mask),
        }
    }
}

impl DecoderLayer {
    /// `x` `[batch, tokens, hidden]` to the same shape, or `[batch, wanted, hidden]`. With `recompute` the graph keeps
    /// `x` alone.
    ///
    /// # Errors
    /// Where shapes do not fit or the device fails.
    pub fn forward(&self, x: &Tensor, places: &Arc<Places>, recompute: bool) -> Result<Tensor> {
        if self.is_fused(x) {
            return fused::forward(self, x, places, recompute);
        }
        if recompute {
            let (layer, places) = (self.clone(), places.clone());
            return checkpointed(x, Arc::new(move |x| layer.plain(x, &places, None)));
        }
        self.plain(x, places, None)
    }

    /// As [`Self::forward`], without a graph: the keys and values of `x` are added to `cache`, and seen with those that
    /// it held.
    ///
    /// # Errors
    /// Where shapes do not fit or the device fails.
    pub fn forward_cached(&self, x: &Tensor, places: &Places, cache: &mut KvCache) -> Result<Tensor> {
        if self.is_fused(x) && cache.current_seq_len() == 0 {
            let (y, k, v) = fused::forward_with_keys(self, x, places)?;
            cache.append(&k, &v)?;
            return Ok(y);
        }
        self.plain(x, places, Some(cache))
    }

    /// Whether the fused CPU form serves: all is frozen, and biases are where Qwen2 has them.
    fn is_fused(&self, x: &Tensor) -> bool {
        let biased = [&self.q, &self.k, &self.v].iter().all(|l| l.bias().is_some());
        let rest = [&self.o, &self.gate, &self.up, &self.down];
        let frozen = [&self.q, &self.k, &self.v].iter().chain(&rest).all(|l| l.is_frozen());
        is_fused(x) && biased && frozen && rest.iter().all(|l| l.bias().is_none()) && !self.input_norm.is_trained()
    }

    /// Operation by operation, on any device.
    pub(super) fn plain(&self, x: &Tensor, places: &Places, cache: Option<&mut KvCache>) -> Result<Tensor> {
        let (batch, tokens, width) = x.dims3()?;
        let head_dim = width / self.heads.0;
        let normed = self.input_norm.forward(x)?;
        let keys = (batch, tokens, self.heads.1, head_dim);
        let k = places.rotary.apply(&self.k.forward(&normed)?.reshape(keys)?)?;
        let v = self.v.forward(&normed)?.reshape(keys)?;
        let (k, v) = match cache {
            Some(cache) => cache.append(&k.contiguous()?, &v.contiguous()?)?,
            None => (k, v),
        };
        let (x, asking) = match &places.few {
            None => (x.clone(), normed),
            Some(few) => {
                let picked = x.flatten(0, 1)?.index_select(&few.index, 0)?;
                let picked = picked.reshape((batch, few.width, width))?;
                let normed = self.input_norm.forward(&picked)?;
                (picked, normed)
            }
        };
        let (rotary, mask) = places.asking();
        let q = self.q.forward(&asking)?;
        let q = rotary.apply(&q.reshape((batch, x.dim(1)?, self.heads.0, head_dim))?)?;
        let x = self.o.forward_onto(&attention(&q, &k, &v, mask)?, &x)?;
        let normed = self.attention_norm.forward(&x)?;
        let wide = activation::swiglu(&self.gate.forward(&normed)?, &self.up.forward(&normed)?)?;
        self.down.forward_onto(&wide, &x)
    }
}
