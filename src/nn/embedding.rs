//! Rows of trained vectors placed among constant ones.

use candle_core::{CpuStorage, CudaStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::known_result::KnownResult;

/// A sequence of rows, each from a constant or from a trained table.
///
/// candle's `index_select` would accumulate the gradient of the whole table, token by token. Here only the trained rows
/// get a gradient: a sum over the regular grid of their occurrences.
#[derive(Clone, Debug)]
pub struct Placement {
    /// `[rows]` (u32): indices into `[constants, trained]` stacked.
    pub rows: Tensor,
    /// `[occurrences, trained]` (u32): the places of each trained row in the result. Every row occurs equally often.
    pub occurrences: Tensor,
}

/// Maps `constants` `[c, hidden]` and `trained` `[t, hidden]` to `[rows, hidden]`; the gradient flows to `trained`.
///
/// # Errors
/// Where shapes, dtypes or devices differ.
pub fn place(constants: &Tensor, trained: &Tensor, placement: &Placement) -> Result<Tensor> {
    let table = Tensor::cat(&[constants, &trained.detach()], 0)?;
    let result = table.index_select(&placement.rows, 0)?;
    trained.apply_op1(Placed {
        placement: placement.clone(),
        result: KnownResult::new(result),
    })
}

struct Placed {
    placement: Placement,
    result: KnownResult,
}

impl CustomOp1 for Placed {
    fn name(&self) -> &'static str {
        "place-rows"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        self.result.on_cpu()
    }

    fn cuda_fwd(&self, _: &CudaStorage, _: &Layout) -> Result<(CudaStorage, Shape)> {
        self.result.on_cuda()
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let (times, trained) = self.placement.occurrences.dims2()?;
        let rows = grad.index_select(&self.placement.occurrences.flatten_all()?, 0)?;
        Ok(Some(rows.reshape((times, trained, ()))?.sum(0)?))
    }
}
