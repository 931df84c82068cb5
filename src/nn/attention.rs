//! Scaled dot-product attention with grouped heads, for padded and packed sequences.

mod fused;
pub(super) mod head;

use std::sync::{Arc, OnceLock};

use candle_core::{D, DType, Device, Result, Tensor, bail};

use super::cuda::{self, Seen};
use super::kernel::is_fused;
use super::precision::widened;

/// Which keys a query sees.
///
/// Each key carries a segment. A key of segment [`Mask::SHARED`] is seen by all, any other by the queries of its own
/// segment alone; with `causal`, later keys are hidden as well. So one mask serves right and left padding (padding is a
/// segment of its own), images packed into one sequence, and several answers scored on one shared prefix.
#[derive(Clone, Debug, PartialEq)]
pub struct Mask {
    causal: bool,
    /// `[batch][keys]`
    segments: Vec<Vec<u32>>,
    /// `[batch][queries]`: the key position of each query. `None`: the queries are at the last key positions.
    queries: Option<Vec<Vec<usize>>>,
    on_device: OnDevice,
}

/// The mask's tensors on a device, built once for all layers. They follow from the mask, so equality ignores them.
#[derive(Clone, Debug, Default)]
struct OnDevice(Arc<OnceLock<Seen>>);

impl PartialEq for OnDevice {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Mask {
    /// The segment of keys that every query sees.
    pub const SHARED: u32 = 0;
    /// The segment of padding: only padding sees it.
    pub const PADDING: u32 = u32::MAX;

    /// A mask whose queries are at the last key positions.
    #[must_use]
    pub fn new(causal: bool, segments: Vec<Vec<u32>>) -> Self {
        Self {
            causal,
            segments,
            queries: None,
            on_device: OnDevice::default(),
        }
    }

    /// `[batch][keys]`
    #[must_use]
    pub fn segments(&self) -> &[Vec<u32>] {
        &self.segments
    }

    /// Appends one key to each row, for the next token; every query sees it.
    pub fn push_shared(&mut self) {
        self.segments.iter_mut().for_each(|row| row.push(Self::SHARED));
        self.on_device = OnDevice::default();
    }

    /// Every query sees every key; with `causal`, only those at its own position and before it.
    #[must_use]
    pub fn full(batch: usize, keys: usize, causal: bool) -> Self {
        Self::new(causal, vec![vec![Self::SHARED; keys]; batch])
    }

    /// The same keys, with the queries at these key positions in each row.
    #[must_use]
    pub fn at(&self, queries: Vec<Vec<usize>>) -> Self {
        Self {
            queries: Some(queries),
            on_device: OnDevice::default(),
            ..self.clone()
        }
    }

    /// The key position of query `query` of `queries`.
    #[inline]
    fn place(&self, row: usize, query: usize, queries: usize) -> usize {
        match &self.queries {
            Some(places) => places[row][query],
            None => self.keys() - queries + query,
        }
    }

    /// Whether the mask fits `queries` queries in each row: explicit places must have that number and lie among the
    /// keys; without explicit places there must be at least as many keys.
    pub(super) fn fits(&self, queries: usize) -> bool {
        let inside = |row: &Vec<usize>| row.len() == queries && row.iter().all(|&place| place < self.keys());
        let places = self.queries.as_ref();
        places.map_or(queries <= self.keys(), |places| {
            places.len() == self.segments.len() && places.iter().all(inside)
        })
    }

    /// The number of keys, the same for all rows.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.segments.first().map_or(0, Vec::len)
    }

    /// Whether the query at key position `query` sees the key at `key` in `row`.
    #[inline]
    fn sees(&self, row: &[u32], query: usize, key: usize) -> bool {
        (!self.causal || key <= query) && (row[key] == Self::SHARED || row[key] == row[query])
    }

    /// Whether each query sees every key, as for a single image or for one token at a time.
    fn hides_nothing(&self, queries: usize) -> bool {
        (!self.causal || (queries == 1 && self.queries.is_none()))
            && self.segments.iter().flatten().all(|&segment| segment == Self::SHARED)
    }

    /// The kernels' form of the mask for `queries` queries per row.
    fn on_device(&self, queries: usize, device: &Device) -> Result<Seen> {
        let made = self.on_device.0.get();
        if let Some(seen) = made.filter(|seen| seen.places.dims().last() == Some(&queries)) {
            return Ok(seen.clone());
        }
        let batch = self.segments.len();
        let places = |row| (0..queries).map(move |query| self.place(row, query, queries) as u32);
        let places: Vec<u32> = (0..batch).flat_map(places).collect();
        let seen = Seen {
            segments: Tensor::from_vec(self.segments.concat(), (batch, self.keys()), device)?,
            places: Tensor::from_vec(places, (batch, queries), device)?,
            causal: self.causal,
        };
        // If the cell already holds the form for another number of queries, that one stays.
        drop(self.on_device.0.set(seen.clone()));
        Ok(seen)
    }

    /// `[batch, 1, queries, keys]`: 0 where seen, minus infinity where not.
    fn dense(&self, queries: usize, dtype: DType, device: &Device) -> Result<Tensor> {
        let keys = self.keys();
        let mut values = Vec::with_capacity(self.segments.len() * queries * keys);
        for (i, row) in self.segments.iter().enumerate() {
            for query in 0..queries {
                let place = self.place(i, query, queries);
                values.extend((0..keys).map(|key| {
                    if self.sees(row, place, key) {
                        0.0
                    } else {
                        f32::NEG_INFINITY
                    }
                }));
            }
        }
        Tensor::from_vec(values, (self.segments.len(), 1, queries, keys), device)?.to_dtype(dtype)
    }
}

/// `softmax(q k^T / sqrt(head_dim)) v` where `mask` allows.
///
/// `q` is `[batch, queries, heads, head_dim]`, `k` and `v` are `[batch, keys, kv_heads, head_dim]`; query head `i`
/// reads key head `i / (heads / kv_heads)`. The mask gives the queries' positions among the keys. The result is
/// `[batch, queries, heads * head_dim]`.
///
/// # Errors
/// Where shapes, dtypes or devices differ.
pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor, mask: &Mask) -> Result<Tensor> {
    let (batch, queries, heads, width) = q.dims4()?;
    let (k_batch, keys, kv_heads, _) = k.dims4()?;
    let fits = k.dims() == v.dims() && k_batch == batch && heads % kv_heads == 0 && mask.fits(queries);
    if !fits || mask.keys() != keys || mask.segments.len() != batch {
        bail!(
            "attention over q {:?}, k {:?}, v {:?}, {} masked keys",
            q.shape(),
            k.shape(),
            v.shape(),
            mask.keys()
        );
    }
    if is_fused(q) {
        let op = fused::Attention { mask: mask.clone() };
        let y = q.contiguous()?.apply_op3(&k.contiguous()?, &v.contiguous()?, op)?;
        return y.reshape((batch, queries, heads * width));
    }
    plain(q, k, v, mask)
}

pub(super) fn plain(q: &Tensor, k: &Tensor, v: &Tensor, mask: &Mask) -> Result<Tensor> {
    let (batch, queries, heads, width) = q.dims4()?;
    let (_, keys, kv_heads, _) = k.dims4()?;
    // Query heads of one group read the same keys. Treating them as additional queries of one head avoids copying keys.
    let grouped = (batch, kv_heads, heads / kv_heads * queries, width);
    let q = q.transpose(1, 2)?.contiguous()?.reshape(grouped)?;
    let (k, v) = (k.transpose(1, 2)?.contiguous()?, v.transpose(1, 2)?.contiguous()?);
    let scores = q.matmul(&k.t()?)?.reshape((batch, heads, queries, keys))?;
    let scale = 1.0 / (width as f64).sqrt();
    let weights = if cuda::serves(&scores) {
        cuda::masked_softmax(&scores, &mask.on_device(queries, q.device())?, scale)?
    } else {
        plain_softmax(&scores, mask, scale)?
    };
    weights
        .reshape((batch, kv_heads, heads / kv_heads * queries, keys))?
        .matmul(&v)?
        .reshape((batch, heads, queries, width))?
        .transpose(1, 2)?
        .contiguous()?
        .reshape((batch, queries, heads * width))
}

/// `softmax(scale * scores)` of `scores` `[batch, heads, queries, keys]` where `mask` allows.
pub(super) fn plain_softmax(scores: &Tensor, mask: &Mask, scale: f64) -> Result<Tensor> {
    let (dtype, queries) = (scores.dtype(), scores.dim(2)?);
    let scores = (widened(scores)? * scale)?;
    let scores = if mask.hides_nothing(queries) {
        scores
    } else {
        scores.broadcast_add(&mask.dense(queries, scores.dtype(), scores.device())?)?
    };
    candle_nn::ops::softmax(&scores, D::Minus1)?.to_dtype(dtype)
}
