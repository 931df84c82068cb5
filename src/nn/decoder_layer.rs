//! A decoder layer of Qwen2, Qwen3 and Mistral: attention and SwiGLU, each with an RMS norm before it and a residual
//! connection.

mod backward;
mod context;
mod forward;
mod fused;
#[cfg(test)]
mod kernel_tests;
mod kernels;
#[cfg(test)]
mod packed_tests;
mod parameters;
mod tasks;
#[cfg(test)]
mod tests;
mod weights;

use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor, bail};
use candle_nn::kv_cache::KvCache;

use super::backend::Backend;
use super::layer_checkpoint::checkpointed;
use super::{RmsNorm, activation, attention};

pub use context::{BatchContext, Outputs, Past};
pub use parameters::{DecoderLayer, HeadNorms};

impl DecoderLayer {
    /// Maps `x` `[batch, tokens, hidden]` to the same shape, or to `[batch, outputs, hidden]` if the context has
    /// output positions. `past` precedes `x`; the mask covers both. With `recompute` the graph keeps only `x`.
    ///
    /// # Errors
    /// Where shapes do not fit or the device fails.
    pub fn forward(
        &self,
        x: &Tensor,
        context: &Arc<BatchContext>,
        past: Option<&Past>,
        recompute: bool,
    ) -> Result<Tensor> {
        match self.form(x.device(), x.dtype()) {
            Backend::Fused => return fused::forward(self, x, (context, past), recompute),
            Backend::Kernels => return kernels::forward(self, x, (context, past), recompute),
            Backend::Plain => {}
        }
        if recompute {
            let (layer, context, past) = (self.clone(), context.clone(), past.cloned());
            let layer = move |x: &Tensor| layer.plain(x, &context, |k, v| with_past(past.as_ref(), k, v));
            return checkpointed(x, Arc::new(layer));
        }
        self.plain(x, context, |k, v| with_past(past, k, v))
    }

    /// The dimension that counts the tokens in a cache for [`Self::forward_cached`] on this device and in this format: 1 for
    /// `[batch, tokens, kv_heads, head]`, 2 where heads precede tokens.
    #[must_use]
    pub fn cached_dimension(&self, device: &Device, dtype: DType) -> usize {
        if self.form(device, dtype) == Backend::Kernels {
            2
        } else {
            1
        }
    }

    /// Like [`Self::forward`], but without an autograd graph: appends the keys and values of `x` to `cache`, and
    /// attends to all keys in it. The cache counts its tokens by [`Self::cached_dimension`].
    ///
    /// # Errors
    /// Where shapes do not fit or the device fails.
    pub fn forward_cached(&self, x: &Tensor, context: &BatchContext, cache: &mut KvCache) -> Result<Tensor> {
        self.forward_cached_behind(x, context, None, cache)
    }

    /// Like [`Self::forward_cached`]; where heads precede tokens, `past` may precede the keys and values of `x`, and goes into
    /// the cache before them.
    ///
    /// # Errors
    /// Where shapes do not fit or the device fails.
    pub fn forward_cached_behind(
        &self,
        x: &Tensor,
        context: &BatchContext,
        past: Option<&Past>,
        cache: &mut KvCache,
    ) -> Result<Tensor> {
        let form = self.form(x.device(), x.dtype());
        if form == Backend::Kernels && cache.k_cache().dim() == 2 {
            return kernels::forward_cached(self, x, context, (past, cache));
        }
        if past.is_some() {
            bail!("a cache that is begun with its past");
        }
        let append = |k: Tensor, v: Tensor| {
            let (k, v) = cache.append(&k.contiguous()?, &v.contiguous()?)?;
            Ok((k.contiguous()?, v.contiguous()?))
        };
        if form == Backend::Fused {
            return fused::forward_with(self, x, context, append);
        }
        self.plain(x, context, append)
    }

    /// The implementation for inputs in `dtype` on `device`. The whole layer is one operation, on the CPU and on a CUDA
    /// device, if all parameters are frozen and no projection but those to queries, keys and values has a bias.
    fn form(&self, device: &Device, dtype: DType) -> Backend {
        let rest = [&self.o, &self.gate, &self.up, &self.down];
        let frozen = [&self.q, &self.k, &self.v].iter().chain(&rest).all(|l| l.is_frozen());
        if frozen && rest.iter().all(|l| l.bias().is_none()) && !self.input_norm.is_trained() {
            Backend::on(device, dtype)
        } else {
            Backend::Plain
        }
    }

    /// The layer by the CUDA kernels, whether or not these are trusted; used for comparisons.
    pub(super) fn by_kernels(&self, x: &Tensor, context: &Arc<BatchContext>) -> Result<Tensor> {
        kernels::forward(self, x, (context, None), false)
    }

    /// The layer as separate operations; used for comparisons.
    pub(super) fn by_operations(&self, x: &Tensor, context: &BatchContext) -> Result<Tensor> {
        self.plain(x, context, |k, v| Ok((k, v)))
    }

    /// The layer as separate operations, on any device. `seen` takes the keys and values of `x` and returns all visible
    /// ones.
    fn plain(
        &self,
        x: &Tensor,
        context: &BatchContext,
        seen: impl FnOnce(Tensor, Tensor) -> Result<(Tensor, Tensor)>,
    ) -> Result<Tensor> {
        let (batch, tokens, width) = x.dims3()?;
        let head_dim = self.head_dim()?;
        let norms = self.head_norms.as_ref();
        let normed_head = |norm: Option<&RmsNorm>, x: Tensor| norm.map_or(Ok(x.clone()), |norm| norm.forward(&x));
        let normed = self.input_norm.forward(x)?;
        let keys = (batch, tokens, self.heads.1, head_dim);
        let k = normed_head(norms.map(|norms| &norms.k), self.k.forward(&normed)?.reshape(keys)?)?;
        let k = context.rotary.apply(&k)?;
        let v = self.v.forward(&normed)?.reshape(keys)?;
        let (k, v) = seen(k, v)?;
        let (x, normed) = match &context.outputs {
            None => (x.clone(), normed),
            Some(outputs) => {
                let rows = x.flatten(0, 1)?.index_select(&outputs.index, 0)?;
                let rows = rows.reshape((batch, outputs.per_sequence, width))?;
                let normed = self.input_norm.forward(&rows)?;
                (rows, normed)
            }
        };
        let (rotary, mask) = context.of_outputs();
        let q = self.q.forward(&normed)?;
        let q = q.reshape((batch, x.dim(1)?, self.heads.0, head_dim))?;
        let q = rotary.apply(&normed_head(norms.map(|norms| &norms.q), q)?)?;
        let x = self.o.forward_onto(&attention(&q, &k, &v, mask)?, &x)?;
        let normed = self.attention_norm.forward(&x)?;
        let wide = activation::swiglu(&self.gate.forward(&normed)?, &self.up.forward(&normed)?)?;
        self.down.forward_onto(&wide, &x)
    }
}

fn with_past(past: Option<&Past>, k: Tensor, v: Tensor) -> Result<(Tensor, Tensor)> {
    match past {
        Some(past) => past.before(&k, &v),
        None => Ok((k, v)),
    }
}
