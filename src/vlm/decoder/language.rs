//! The language model: embeddings in, hidden states and logits out.

use std::sync::Arc;

use candle_core::{Device, Result, Tensor};

use super::kv_cache::KvCache;
use super::prefix::{Prefix, Prefixes};
use super::{DecoderConfig, DeepRows, OutputPositions, Positions};
use crate::nn::decoder_layer::{BatchContext, DecoderLayer, HeadNorms, Outputs};
use crate::nn::{Interrupt, Linear, Mask, RmsNorm, Rotary, Weight};
use crate::vlm::{Parameters, Scope};

/// Differentiable with respect to its input embeddings. Its parameters are frozen, or trained if they are variables.
#[derive(Clone, Debug)]
pub struct LanguageModel {
    config: DecoderConfig,
    /// `[vocab_size, hidden]`
    embeddings: Weight,
    layers: Vec<DecoderLayer>,
    norm: RmsNorm,
    head: Linear,
    prefixes: Prefixes,
    interrupt: Interrupt,
}

/// The entries of the softmax over the vocabulary.
#[derive(Clone, Copy, Debug)]
pub enum Vocabulary<'a> {
    /// All rows of the output matrix: stage 1.
    Full,
    /// The first `tokens` rows, then the soft prompt's: stage 2 and evaluation, because the reference cuts the matrix
    /// there. With tied embeddings the prompt `[prompt tokens, hidden]` becomes part of the output matrix; otherwise
    /// the matrix's own rows at the prompt's ids are used.
    Prompted { tokens: usize, prompt: &'a Tensor },
}

/// What accompanies a batch's embeddings.
#[derive(Clone, Copy, Debug, Default)]
pub struct ForwardOptions<'a> {
    /// The output positions; at all others the last layer computes only keys and values. `None`: all positions.
    pub outputs: Option<&'a OutputPositions>,
    /// Precedes the embeddings; the mask covers it.
    pub prefix: Option<&'a Prefix>,
    /// Added to the outputs of the first layers.
    pub deep: Option<&'a DeepRows>,
}

impl LanguageModel {
    /// Builds the model from `model.*` and `lm_head.weight`. `progress` receives the number of layers done.
    ///
    /// # Errors
    /// Where a parameter is missing or of another shape.
    pub fn new(config: &DecoderConfig, parameters: &dyn Parameters, mut progress: impl FnMut(usize)) -> Result<Self> {
        let scope = Scope::new(parameters, "model");
        let shape = [config.vocab_size, config.hidden_size];
        let embeddings = scope.at("embed_tokens").weight(&shape)?;
        let layers = (0..config.num_hidden_layers)
            .map(|i| {
                progress(i);
                decoder_layer(config, &scope.at("layers").at(i))
            })
            .collect::<Result<_>>()?;
        let head = if config.tie_word_embeddings {
            embeddings.clone()
        } else {
            parameters.weight("lm_head.weight", &shape)?
        };
        let norm = scope.at("norm").rms_norm(config.hidden_size, config.rms_norm_eps)?;
        Ok(Self {
            config: config.clone(),
            embeddings,
            layers,
            norm,
            head: Linear::new(head, None, parameters.trained()),
            prefixes: Prefixes::default(),
            interrupt: Interrupt::default(),
        })
    }

    /// Its sizes.
    #[must_use]
    pub const fn config(&self) -> &DecoderConfig {
        &self.config
    }

    /// The same weights for another user, with a prefix cache and an interrupt of its own.
    #[must_use]
    pub fn share(&self) -> Self {
        Self {
            prefixes: Prefixes::default(),
            interrupt: Interrupt::default(),
            ..self.clone()
        }
    }

    /// Makes computations abort once `interrupt` is set, with the error that [`crate::nn::is_interrupt`] recognises.
    pub fn set_interrupt(&mut self, interrupt: &Interrupt) {
        self.interrupt = interrupt.clone();
    }

    /// `[vocab_size, hidden]`
    #[must_use]
    pub const fn embeddings(&self) -> &Weight {
        &self.embeddings
    }

    /// Embeddings `[ids, hidden]`.
    ///
    /// # Errors
    /// If an id is outside the vocabulary.
    pub fn embed(&self, ids: &[u32]) -> Result<Tensor> {
        self.embeddings.gather(ids)
    }

    /// Whether no parameter gets a gradient.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.head.is_frozen()
    }

    /// A cache for `tokens` positions.
    #[must_use]
    pub fn cache(&self, tokens: usize) -> KvCache {
        let dimension = |layer: &DecoderLayer| layer.cached_dimension(self.device(), self.embeddings.dtype());
        let layers = self.layers.iter().map(dimension);
        KvCache {
            layers: layers
                .map(|dimension| candle_nn::kv_cache::KvCache::new(dimension, tokens))
                .collect(),
            before: None,
        }
    }

    /// A cache with the keys and values of `prefix`, which precedes each of `batch` sequences, and room for `tokens`
    /// more positions.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn cache_behind(&self, prefix: &Prefix, batch: usize, tokens: usize) -> Result<KvCache> {
        let mut cache = self.cache(prefix.tokens + tokens);
        cache.begin_with(&prefix.layers, batch)?;
        Ok(cache)
    }

    /// The prefix for `key`. The key must contain everything that the prefix depends on except the parameters, so the
    /// model must be frozen. If the prefix is not cached, `begin` gives its embeddings `[1, tokens, hidden]` and
    /// positions.
    ///
    /// # Errors
    /// Those of `begin`, and where the device fails.
    pub fn prefix(&self, key: Vec<u32>, begin: impl FnOnce() -> Result<(Tensor, Positions)>) -> Result<Arc<Prefix>> {
        self.prefixes.get(key, || {
            let (x, positions) = begin()?;
            let tokens = x.dim(1)?;
            let mut cache = self.cache(tokens);
            let mask = Mask::full(1, tokens, true);
            self.forward_cached(&x.detach(), &positions, &mask, (None, None), &mut cache)?;
            Ok(Prefix {
                tokens,
                layers: cache.into_past()?,
            })
        })
    }

    /// Hidden states of `x` `[batch, tokens, hidden]` after the final norm, of the same shape, or with output positions
    /// `[batch, outputs, hidden]`. `positions` are those of `x`; `mask` covers `x` only. With `recompute` the graph keeps
    /// only each layer's input.
    ///
    /// # Errors
    /// Where shapes do not fit or the device fails.
    pub fn forward(
        &self,
        x: &Tensor,
        positions: &Positions,
        mask: &Mask,
        options: ForwardOptions,
        recompute: bool,
    ) -> Result<Tensor> {
        let ForwardOptions { outputs, prefix, deep } = options;
        let (context, last) = self.contexts(x, positions, mask, outputs)?;
        let mut x = x.clone();
        for (i, layer) in self.layers.iter().enumerate() {
            self.interrupt.check()?;
            let context = if i + 1 == self.layers.len() { &last } else { &context };
            x = layer.forward(&x, context, prefix.map(|prefix| &prefix.layers[i]), recompute)?;
            x = self.deepened(x, i, (deep, outputs))?;
        }
        self.interrupt.check()?;
        self.norm.forward(&x)
    }

    /// Like [`Self::forward`], for generation: `x` follows the tokens in `cache`, and its keys and values are
    /// appended there. `mask` covers the cached keys and those of `x`.
    ///
    /// # Errors
    /// Where shapes do not fit or the device fails.
    pub fn forward_cached(
        &self,
        x: &Tensor,
        positions: &Positions,
        mask: &Mask,
        (outputs, deep): (Option<&OutputPositions>, Option<&DeepRows>),
        cache: &mut KvCache,
    ) -> Result<Tensor> {
        let (context, last) = self.contexts(x, positions, mask, outputs)?;
        let (mut x, before) = (x.clone(), cache.before.take());
        for (i, (layer, cache)) in self.layers.iter().zip(&mut cache.layers).enumerate() {
            self.interrupt.check()?;
            let context = if i + 1 == self.layers.len() { &last } else { &context };
            let past = before.as_ref().and_then(|before| before.get(i));
            x = layer.forward_cached_behind(&x, context, past, cache)?;
            x = self.deepened(x, i, (deep, outputs))?;
        }
        self.interrupt.check()?;
        self.norm.forward(&x)
    }

    /// Adds the vision tower's level to the output of layer `layer`. Nothing is added to the last layer's output if it
    /// has only output positions, because those are never part of a picture.
    fn deepened(
        &self,
        x: Tensor,
        layer: usize,
        (deep, outputs): (Option<&DeepRows>, Option<&OutputPositions>),
    ) -> Result<Tensor> {
        let is_last = layer + 1 == self.layers.len();
        match deep {
            Some(deep) if !(is_last && outputs.is_some()) => deep.onto(x, layer),
            _ => Ok(x),
        }
    }

    /// The input of each layer, and the last layer's output after the final norm; used for comparisons.
    ///
    /// # Errors
    /// Where shapes do not fit or the device fails.
    pub fn states(
        &self,
        x: &Tensor,
        positions: &Positions,
        mask: &Mask,
        deep: Option<&DeepRows>,
    ) -> Result<Vec<Tensor>> {
        let (context, _) = self.contexts(x, positions, mask, None)?;
        let mut states = vec![x.clone()];
        for (i, layer) in self.layers.iter().enumerate() {
            let x = layer.forward(&states[i], &context, None, false)?;
            states.push(self.deepened(x, i, (deep, None))?);
        }
        self.interrupt.check()?;
        if let Some(last) = states.last_mut() {
            *last = self.norm.forward(last)?;
        }
        Ok(states)
    }

    /// Logits `[n, entries]` of hidden states `[n, hidden]`.
    ///
    /// # Errors
    /// Where shapes do not fit or the device fails.
    pub fn logits(&self, hidden: &Tensor, vocabulary: Vocabulary) -> Result<Tensor> {
        let rows = |count| -> Result<Linear> { Ok(Linear::frozen(self.head.weight().first_rows(count)?, None)) };
        match vocabulary {
            Vocabulary::Full => self.head.forward(hidden),
            Vocabulary::Prompted { tokens, prompt } if self.config.tie_word_embeddings => {
                let text = rows(tokens)?.forward(hidden)?;
                let soft = hidden.matmul(&prompt.to_dtype(hidden.dtype())?.t()?)?;
                Tensor::cat(&[text, soft], 1)
            }
            Vocabulary::Prompted { tokens, prompt } => rows(tokens + prompt.dim(0)?)?.forward(hidden),
        }
    }

    fn rotary(&self, x: &Tensor, positions: &Positions) -> Result<Rotary> {
        let tokens = positions.0.first().map_or(0, Vec::len);
        let shape = (positions.0.len(), tokens, self.config.head_dim / 2);
        Rotary::new(&positions.angles(&self.config), shape, x.dtype(), x.device())
    }

    /// The context of all layers but the last, and that of the last.
    fn contexts(
        &self,
        x: &Tensor,
        positions: &Positions,
        mask: &Mask,
        outputs: Option<&OutputPositions>,
    ) -> Result<(Arc<BatchContext>, Arc<BatchContext>)> {
        let all = BatchContext {
            rotary: self.rotary(x, positions)?,
            mask: mask.clone(),
            interrupt: self.interrupt.clone(),
            outputs: None,
        };
        let outputs = match outputs {
            None => None,
            Some(outputs) => {
                let tokens = x.dim(1)?;
                let past = mask.keys().saturating_sub(tokens);
                let of_keys = |row: &Vec<usize>| row.iter().map(|position| past + position).collect();
                Some(Outputs {
                    index: outputs.index(tokens, x.device())?,
                    per_sequence: outputs.per_sequence(),
                    rotary: self.rotary(x, &outputs.of(positions))?,
                    mask: mask.at(outputs.padded().iter().map(of_keys).collect()),
                })
            }
        };
        let last = BatchContext { outputs, ..all.clone() };
        Ok((Arc::new(all), Arc::new(last)))
    }

    /// The device of its tensors.
    #[must_use]
    pub fn device(&self) -> &Device {
        self.embeddings.device()
    }
}

fn decoder_layer(c: &DecoderConfig, scope: &Scope) -> Result<DecoderLayer> {
    let (width, wide) = (c.hidden_size, c.intermediate_size);
    let (q, kv) = (c.head_dim * c.num_attention_heads, c.head_dim * c.num_key_value_heads);
    let attention = scope.at("self_attn");
    let head_norms = || -> Result<HeadNorms> {
        Ok(HeadNorms {
            q: attention.at("q_norm").rms_norm(c.head_dim, c.rms_norm_eps)?,
            k: attention.at("k_norm").rms_norm(c.head_dim, c.rms_norm_eps)?,
        })
    };
    Ok(DecoderLayer {
        input_norm: scope.at("input_layernorm").rms_norm(width, c.rms_norm_eps)?,
        attention_norm: scope.at("post_attention_layernorm").rms_norm(width, c.rms_norm_eps)?,
        q: attention.at("q_proj").linear(q, width, c.qkv_bias)?,
        k: attention.at("k_proj").linear(kv, width, c.qkv_bias)?,
        v: attention.at("v_proj").linear(kv, width, c.qkv_bias)?,
        head_norms: c.qk_norm.then(head_norms).transpose()?,
        o: attention.at("o_proj").linear(width, q, false)?,
        gate: scope.at("mlp.gate_proj").linear(wide, width, false)?,
        up: scope.at("mlp.up_proj").linear(wide, width, false)?,
        down: scope.at("mlp.down_proj").linear(width, wide, false)?,
        heads: (c.num_attention_heads, c.num_key_value_heads),
    })
}
