//! A linear layer, frozen or trained.

mod frozen;

use candle_core::{Module, Result, Tensor, bail};

use super::backend::Backend;
use super::cuda;
use super::known_result::KnownResult;
use super::weight::Weight;
use frozen::{FrozenLinear, product};

/// `y = x W^T + b` over the last dimension.
///
/// A frozen layer returns the input's gradient only: candle's own matrix product would also compute, and keep, a
/// gradient as large as the weight.
#[derive(Clone, Debug)]
pub struct Linear {
    /// `[out, in]`
    weight: Weight,
    /// `[out]`
    bias: Option<Tensor>,
    trained: bool,
}

impl Linear {
    /// A layer whose weight `[out, in]` and bias `[out]` get no gradient.
    #[must_use]
    pub fn frozen(weight: impl Into<Weight>, bias: Option<Tensor>) -> Self {
        Self::new(weight, bias, false)
    }

    /// A layer whose weight `[out, in]` and bias `[out]` are variables of the graph where `trained`, else [`Self::frozen`].
    #[must_use]
    pub fn new(weight: impl Into<Weight>, bias: Option<Tensor>, trained: bool) -> Self {
        Self {
            weight: weight.into(),
            bias,
            trained,
        }
    }

    /// `[out, in]`
    #[must_use]
    pub fn weight(&self) -> &Weight {
        &self.weight
    }

    /// `[out]`
    #[must_use]
    pub fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }

    /// Whether its parameters get no gradient.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        !self.trained
    }

    /// Applies the layer to `x` `[.., in]`, giving `[.., out]`.
    ///
    /// # Errors
    /// Where shapes, dtypes or devices differ.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (rows, dims) = self.rows(x)?;
        if let (false, Some(bias)) = (rows.track_op() || !self.on_kernels(x), &self.bias) {
            return cuda::biased(&self.product_in_f32(&rows)?, Some(bias), None)?.reshape(dims);
        }
        let y = if self.trained {
            let y = product(&self.weight, &rows)?;
            match &self.bias {
                Some(bias) => y.broadcast_add(bias)?,
                None => y,
            }
        } else {
            let result = self.known(&rows)?;
            match result {
                Some(result) if !rows.track_op() => result,
                result => rows.apply_op1(self.frozen_op(result))?,
            }
        };
        y.reshape(dims)
    }

    /// The result for `rows` `[rows, in]`, where it is computed before the operation of the graph: of a packed weight, which
    /// only the fused CPU form can unpack on its way.
    fn known(&self, rows: &Tensor) -> Result<Option<Tensor>> {
        if matches!(self.weight, Weight::Dense(_)) || Backend::of(rows) == Backend::Fused {
            return Ok(None);
        }
        let y = product(&self.weight, &rows.detach())?;
        Ok(Some(match &self.bias {
            Some(bias) => y.broadcast_add(bias)?,
            None => y,
        }))
    }

    fn frozen_op(&self, result: Option<Tensor>) -> FrozenLinear {
        FrozenLinear {
            weight: self.weight.clone(),
            bias: self.bias.clone(),
            result: result.map(KnownResult::new),
        }
    }

    /// Like [`Self::forward`], but where CUDA kernels can add it on their way, the bias is not yet added, and returned
    /// instead; the result is then in f32.
    ///
    /// # Errors
    /// Where shapes, dtypes or devices differ.
    pub(super) fn forward_apart(&self, x: &Tensor) -> Result<(Tensor, Option<&Tensor>)> {
        if let (false, Some(bias)) = (x.track_op() || !self.on_kernels(x), &self.bias) {
            let (rows, dims) = self.rows(x)?;
            return Ok((self.product_in_f32(&rows)?.reshape(dims)?, Some(bias)));
        }
        Ok((self.forward(x)?, None))
    }

    /// The product without the bias, in f32: a kernel adds the bias and rounds, once. Rounded before and after it, the products
    /// of a vision tower made up more than half of a bf16 gradient's error.
    fn product_in_f32(&self, rows: &Tensor) -> Result<Tensor> {
        cuda::product_in_f32(rows, &self.weight.numbers()?.t()?)
    }

    /// `residual + forward(x)`; `residual` has the result's shape.
    ///
    /// # Errors
    /// Where shapes, dtypes or devices differ.
    pub fn forward_onto(&self, x: &Tensor, residual: &Tensor) -> Result<Tensor> {
        let on_kernels = self.on_kernels(x) && !x.track_op() && !residual.track_op();
        if self.trained || (Backend::of(x) != Backend::Fused && !on_kernels) {
            return residual + self.forward(x)?;
        }
        let (rows, dims) = self.rows(x)?;
        if residual.dims() != dims {
            bail!("a residual {:?} for a result {dims:?}", residual.shape());
        }
        if on_kernels {
            let residual = residual.contiguous()?.reshape(((), dims[dims.len() - 1]))?;
            let y = match &self.bias {
                Some(bias) => cuda::biased(&self.product_in_f32(&rows)?, Some(bias), Some(&residual))?,
                None => cuda::accumulate(residual.copy()?, &rows, &self.weight.numbers()?.t()?)?,
            };
            return y.reshape(dims);
        }
        let residual = residual.contiguous()?.reshape(((), dims[dims.len() - 1]))?;
        rows.apply_op2(&residual, self.frozen_op(None))?.reshape(dims)
    }

    /// Whether the layer is frozen and `x` is for the CUDA kernels. They have no part in a graph here: there, the plain
    /// form serves.
    fn on_kernels(&self, x: &Tensor) -> bool {
        !self.trained && Backend::of(x) == Backend::Kernels
    }

    /// `x` as `[rows, in]`, contiguous, and the result's shape.
    fn rows(&self, x: &Tensor) -> Result<(Tensor, Vec<usize>)> {
        let width = x.dim(candle_core::D::Minus1)?;
        let (out, input) = self.weight.dims()?;
        if width != input {
            bail!("a linear layer of {input} inputs got {width}");
        }
        let mut dims = x.dims().to_vec();
        let last = dims.len() - 1;
        dims[last] = out;
        Ok((x.contiguous()?.reshape(((), input))?, dims))
    }
}

impl Module for Linear {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Linear::forward(self, x)
    }
}
