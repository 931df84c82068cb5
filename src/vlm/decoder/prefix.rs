//! Common prefixes of sequences: their keys and values are computed once and cached.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{Result, Tensor};

use super::{LanguageModel, Positions};
use crate::nn::Mask;
use crate::nn::decoder_layer::Past;

/// Keys and values of constant tokens at the beginning of each sequence of a batch.
#[derive(Clone, Debug)]
pub struct Prefix {
    /// The number of tokens.
    pub tokens: usize,
    pub(super) layers: Vec<Past>,
}

/// A cache of the most recently computed prefixes, by key.
#[derive(Clone, Debug, Default)]
pub(super) struct Prefixes(Arc<Mutex<VecDeque<Known>>>);

/// A key and its prefix.
type Known = (Vec<u32>, Arc<Prefix>);

/// Cached prefixes: a stage has one, and its evaluation another.
const KEPT: usize = 4;

impl LanguageModel {
    /// Starts with an empty prefix cache; other users of the same weights keep theirs.
    pub(super) fn forget_prefixes(&mut self) {
        self.prefixes = Prefixes::default();
    }

    /// The prefix for `key`. The key must contain everything that the prefix depends on except the parameters, so the
    /// model must be frozen. If the prefix is not cached, `begin` gives its embeddings `[1, tokens, hidden]` and
    /// positions.
    ///
    /// # Errors
    /// Those of `begin`, and where the device fails.
    pub fn prefix(&self, key: Vec<u32>, begin: impl FnOnce() -> Result<(Tensor, Positions)>) -> Result<Arc<Prefix>> {
        let mut kept = self.prefixes.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, prefix)) = kept.iter().find(|(known, _)| *known == key) {
            return Ok(prefix.clone());
        }
        let (x, positions) = begin()?;
        let tokens = x.dim(1)?;
        let mut cache = self.cache(tokens);
        let mask = Mask::full(1, tokens, true);
        self.forward_cached(&x.detach(), &positions, &mask, (None, None), &mut cache)?;
        let prefix = Arc::new(Prefix {
            tokens,
            layers: cache.into_past()?,
        });
        kept.truncate(KEPT - 1);
        kept.push_front((key, prefix.clone()));
        Ok(prefix)
    }
}
