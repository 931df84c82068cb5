//! Keys and values of the tokens that a generation has processed.

use candle_core::{Result, Tensor};

use crate::nn::decoder_layer::Past;

/// Keys and values of the tokens processed so far, per layer, as [`crate::nn::DecoderLayer::forward_cached`] needs them:
/// `[batch, tokens, kv_heads, head_dim]`, or with tokens in dimension 2 where heads precede tokens.
#[derive(Clone, Debug)]
pub struct KvCache {
    pub(super) layers: Vec<candle_nn::kv_cache::KvCache>,
    /// What precedes each sequence and is not yet in the layers: the first tokens bring it along.
    pub(super) before: Option<Vec<Past>>,
}

impl KvCache {
    /// Begins an empty cache with `past`, one for each layer, in each of `batch` sequences.
    pub(super) fn begin_with(&mut self, past: &[Past], batch: usize) -> Result<()> {
        if self.layers.iter().all(|cache| cache.k_cache().dim() == 2) {
            self.before = Some(past.to_vec());
            return Ok(());
        }
        for (cache, past) in self.layers.iter_mut().zip(past) {
            let of_each = |past: &Tensor| {
                let (_, tokens, heads, head) = past.dims4()?;
                past.expand((batch, tokens, heads, head))?.contiguous()
            };
            cache.append(&of_each(&past.k)?, &of_each(&past.v)?)?;
        }
        Ok(())
    }

    /// Converts the cache of a single sequence into per-layer [`Past`] values.
    pub(super) fn into_past(self) -> Result<Vec<Past>> {
        let whole = |tensor: Option<Tensor>, dimension| match tensor {
            Some(tensor) => tensor.transpose(1, dimension)?.contiguous(),
            None => candle_core::bail!("a cache without keys"),
        };
        let of_layer = |cache: candle_nn::kv_cache::KvCache| {
            let dimension = cache.k_cache().dim();
            Ok(Past {
                k: whole(cache.k()?, dimension)?,
                v: whole(cache.v()?, dimension)?,
            })
        };
        self.layers.into_iter().map(of_layer).collect()
    }
}
