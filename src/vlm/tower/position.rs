//! The learned position table, interpolated for grids of any size.

use candle_core::{DType, Result, Tensor};

use sha2::{Digest, Sha256};

use super::merge_order;
use crate::vlm::Scope;

/// A square of learned vectors.
#[derive(Clone, Debug)]
pub struct PositionTable {
    /// `[side * side, width]`
    table: Tensor,
    side: usize,
}

/// Two neighbours on one axis, and the share of the second.
type Between = (usize, usize, f64);

impl PositionTable {
    /// The weight at `scope`: `[rows, width]`, `rows` being a square number.
    ///
    /// # Errors
    /// Where it is missing or of another shape.
    pub fn new(scope: &Scope, rows: usize, width: usize) -> Result<Self> {
        Ok(Self {
            table: scope.get("weight", &[rows, width])?,
            side: rows.isqrt(),
        })
    }

    /// A hash of all its numbers, because a small grid uses only some of its rows.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn settings(&self) -> Result<String> {
        let mut digest = Sha256::new();
        for value in self.table.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()? {
            digest.update(value.to_le_bytes());
        }
        Ok(format!("positions {:x}", digest.finalize()))
    }

    /// Vectors `[patches, width]` for a `grid` (time, height, width) of patches in merge order: bilinear interpolation
    /// with aligned corners.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn of(&self, grid: (usize, usize, usize), merge: usize) -> Result<Tensor> {
        let (rows, columns) = (self.axis(grid.1), self.axis(grid.2));
        let (mut corners, mut shares): ([Vec<u32>; 4], [Vec<f32>; 4]) = Default::default();
        for (row, column) in merge_order(grid, merge) {
            let ((top, bottom, down), (left, right, across)) = (rows[row], columns[column]);
            let each = [
                (top, left, (1.0 - down) * (1.0 - across)),
                (top, right, (1.0 - down) * across),
                (bottom, left, down * (1.0 - across)),
                (bottom, right, down * across),
            ];
            for (i, (row, column, share)) in each.into_iter().enumerate() {
                corners[i].push((row * self.side + column) as u32);
                shares[i].push(share as f32);
            }
        }
        let (dtype, device) = (self.table.dtype(), self.table.device());
        let computed = if dtype == DType::F64 { DType::F64 } else { DType::F32 };
        let mut sum: Option<Tensor> = None;
        for (corner, share) in corners.into_iter().zip(shares) {
            let count = share.len();
            let rows = self
                .table
                .index_select(&Tensor::new(corner, device)?, 0)?
                .to_dtype(computed)?;
            let share = Tensor::from_vec(share, (count, 1), device)?.to_dtype(computed)?;
            let part = rows.broadcast_mul(&share)?;
            sum = Some(match sum {
                Some(sum) => (sum + part)?,
                None => part,
            });
        }
        match sum {
            Some(sum) => sum.to_dtype(dtype),
            None => candle_core::bail!("a grid without corners"),
        }
    }

    /// The position of each of `count` places on the table's side.
    fn axis(&self, count: usize) -> Vec<Between> {
        let last = self.side.saturating_sub(1);
        (0..count)
            .map(|i| {
                let at = if count > 1 {
                    i as f64 * last as f64 / (count - 1) as f64
                } else {
                    0.0
                };
                let below = (at.floor() as usize).min(last);
                (below, (below + 1).min(last), at - below as f64)
            })
            .collect()
    }
}
