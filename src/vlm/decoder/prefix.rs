//! Common prefixes of sequences: their keys and values are computed once and cached.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::Result;

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

impl Prefixes {
    /// The prefix for `key`, computed by `compute` if it is not cached. Other callers wait meanwhile.
    pub(super) fn get(&self, key: Vec<u32>, compute: impl FnOnce() -> Result<Prefix>) -> Result<Arc<Prefix>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, prefix)) = kept.iter().find(|(known, _)| *known == key) {
            return Ok(prefix.clone());
        }
        let prefix = Arc::new(compute()?);
        kept.truncate(KEPT - 1);
        kept.push_front((key, prefix.clone()));
        Ok(prefix)
    }
}
