//! Which keys a query sees.

use std::sync::{Arc, OnceLock};

use candle_core::{DType, Device, Result, Tensor, bail};

use crate::nn::cuda::DeviceMask;

/// Which keys a query sees.
///
/// Each key carries a segment. A key of segment [`Mask::SHARED`] is seen by all, any other by the queries of its own
/// segment alone; with `causal`, later keys are hidden as well. So one mask serves right and left padding (padding is a
/// segment of its own), images packed into one sequence, and several answers scored on one shared prefix.
#[derive(Clone, Debug, PartialEq)]
pub struct Mask {
    pub(super) causal: bool,
    /// `[batch][keys]`
    pub(super) segments: Vec<Vec<u32>>,
    /// `[batch][queries]`: the key position of each query. `None`: the queries are at the last key positions.
    queries: Option<Vec<Vec<usize>>>,
    on_device: OnDevice,
}

/// The mask's tensors on a device, built once for all layers. They follow from the mask, so equality ignores them.
#[derive(Clone, Debug, Default)]
struct OnDevice(Arc<OnceLock<DeviceMask>>);

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
    pub(super) fn position(&self, row: usize, query: usize, queries: usize) -> usize {
        match &self.queries {
            Some(positions) => positions[row][query],
            None => self.keys() - queries + query,
        }
    }

    /// Whether the mask fits `queries` queries in each row: explicit positions must have that number and lie among
    /// the keys; without them there must be at least as many keys.
    pub(in crate::nn) fn fits(&self, queries: usize) -> bool {
        let inside = |row: &Vec<usize>| row.len() == queries && row.iter().all(|&position| position < self.keys());
        let positions = self.queries.as_ref();
        positions.map_or(queries <= self.keys(), |positions| {
            positions.len() == self.segments.len() && positions.iter().all(inside)
        })
    }

    /// Checks that queries of `(batch, heads, queries)` fit keys of `(batch, kv_heads, keys)`, these the values, and this
    /// mask both.
    ///
    /// # Errors
    /// Where they do not fit.
    pub(super) fn check_sizes(
        &self,
        q @ (batch, heads, queries): (usize, usize, usize),
        k @ (k_batch, kv_heads, keys): (usize, usize, usize),
        values_fit: bool,
    ) -> Result<()> {
        let fits = values_fit && k_batch == batch && heads % kv_heads == 0 && self.fits(queries);
        if !fits || self.keys() != keys || self.segments.len() != batch {
            bail!(
                "attention of (batch, heads, queries) {q:?} over (batch, heads, keys) {k:?} with values {}, {} masked keys",
                if values_fit {
                    "of this shape"
                } else {
                    "of another shape"
                },
                self.keys()
            );
        }
        Ok(())
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
    pub(super) fn hides_nothing(&self, queries: usize) -> bool {
        (!self.causal || (queries == 1 && self.queries.is_none()))
            && self.segments.iter().flatten().all(|&segment| segment == Self::SHARED)
    }

    /// The kernels' form of the mask for `queries` queries per row.
    pub(super) fn on_device(&self, queries: usize, device: &Device) -> Result<DeviceMask> {
        let known = self.on_device.0.get();
        if let Some(known) = known.filter(|known| known.queries.dims().last() == Some(&queries)) {
            return Ok(known.clone());
        }
        let batch = self.segments.len();
        let positions = |row| (0..queries).map(move |query| self.position(row, query, queries) as u32);
        let positions: Vec<u32> = (0..batch).flat_map(positions).collect();
        let built = DeviceMask {
            segments: Tensor::from_vec(self.segments.concat(), (batch, self.keys()), device)?,
            queries: Tensor::from_vec(positions, (batch, queries), device)?,
            causal: self.causal,
        };
        // If the cell already holds the form for another number of queries, that one stays.
        drop(self.on_device.0.set(built.clone()));
        Ok(built)
    }

    /// `[batch, 1, queries, keys]`: 0 where seen, minus infinity where not.
    pub(super) fn dense(&self, queries: usize, dtype: DType, device: &Device) -> Result<Tensor> {
        let keys = self.keys();
        let mut values = Vec::with_capacity(self.segments.len() * queries * keys);
        for (i, row) in self.segments.iter().enumerate() {
            for query in 0..queries {
                let position = self.position(i, query, queries);
                values.extend((0..keys).map(|key| {
                    if self.sees(row, position, key) {
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
