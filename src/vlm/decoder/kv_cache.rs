//! Keys and values of the tokens that a generation has processed.

use candle_core::{Result, Tensor};

use crate::nn::decoder_layer::Past;

/// Keys and values of the tokens processed so far, per layer `[batch, tokens, kv_heads, head_dim]`.
#[derive(Clone, Debug)]
pub struct KvCache {
    pub(super) layers: Vec<candle_nn::kv_cache::KvCache>,
}

impl KvCache {
    /// Converts the cache of a single sequence into per-layer [`Past`] values.
    pub(super) fn into_past(self) -> Result<Vec<Past>> {
        let whole = |tensor: Option<Tensor>| match tensor {
            Some(tensor) => tensor.contiguous(),
            None => candle_core::bail!("a cache without keys"),
        };
        let of_layer = |cache: candle_nn::kv_cache::KvCache| {
            Ok(Past {
                k: whole(cache.k()?)?,
                v: whole(cache.v()?)?,
            })
        };
        self.layers.into_iter().map(of_layer).collect()
    }
}
