//! The frozen layer on a CUDA device as a single operation of the graph, with a backward of its own.
//!
//! candle's backward would make zeros for each intermediate result, add to them, and keep all of them until its end. A
//! frozen layer needs only its input's gradient.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{CpuStorage, CudaStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use candle_nn::kv_cache::KvCache;

use super::context::{BatchContext, Past};
use super::parameters::DecoderLayer;
use crate::nn::attention::on_device;
use crate::nn::cuda::{self, OnTheWay, accumulate};
use crate::nn::known_result::KnownResult;
use crate::nn::{Linear, RmsNorm, Rotary};

/// Like [`DecoderLayer::forward`].
pub fn forward(
    layer: &DecoderLayer,
    x: &Tensor,
    (context, past): (&Arc<BatchContext>, Option<&Past>),
    recompute: bool,
) -> Result<Tensor> {
    let x = x.contiguous()?;
    let (keep, before) = (x.track_op() && !recompute, Before { past, cache: None });
    let activations = activations(layer, &x.detach(), context, before, false)?;
    // The result is added to the sums, so they are copied where backward needs them.
    let result = if keep {
        result(layer, activations.middle.copy()?, &activations, x.dim(0)?)?
    } else {
        result(layer, activations.middle.clone(), &activations, x.dim(0)?)?
    };
    if !x.track_op() {
        return Ok(result);
    }
    x.apply_op1(FrozenLayer {
        layer: layer.clone(),
        context: context.clone(),
        past: past.cloned(),
        result: KnownResult::new(result),
        kept: Mutex::new(keep.then_some(activations)),
    })
}

/// Like [`DecoderLayer::forward_cached_behind`], with a cache whose tokens are counted by dimension 2.
pub fn forward_cached(
    layer: &DecoderLayer,
    x: &Tensor,
    context: &BatchContext,
    (past, cache): (Option<&Past>, &mut KvCache),
) -> Result<Tensor> {
    let x = x.contiguous()?;
    let before = Before {
        past,
        cache: Some(cache),
    };
    let activations = activations(layer, &x.detach(), context, before, false)?;
    result(layer, activations.middle.clone(), &activations, x.dim(0)?)
}

/// Keys and values before those of the input.
struct Before<'a> {
    past: Option<&'a Past>,
    cache: Option<&'a mut KvCache>,
}

/// What the result follows from; backward needs it besides the input.
struct Activations {
    /// `[batch, heads, outputs of a sequence, head]`, rotated.
    q: Tensor,
    /// `[batch, kv_heads, keys, head]`, rotated.
    k: Tensor,
    /// `[batch, kv_heads, keys, head]`
    v: Tensor,
    /// Queries and keys `[batch, tokens, heads, head]` before the heads' norms, if the layer has such norms.
    raw: (Option<Tensor>, Option<Tensor>),
    /// The attention's weights, if they are used at once: they are as many as the square of the tokens.
    weights: Option<Tensor>,
    /// `[outputs, hidden]`: the input's rows at the output positions.
    rows: Tensor,
    /// `[outputs, hidden]`: these plus the attention's output.
    middle: Tensor,
    /// `[outputs, wide]`
    gate: Tensor,
    /// `[outputs, wide]`
    up: Tensor,
}

fn activations(
    layer: &DecoderLayer,
    x: &Tensor,
    context: &BatchContext,
    before: Before<'_>,
    with_weights: bool,
) -> Result<Activations> {
    let (batch, tokens, hidden) = x.dims3()?;
    let norms = layer.head_norms.as_ref();
    let x = x.reshape((batch * tokens, hidden))?;
    let normed = layer.input_norm.forward(&x)?;
    let heads = (batch, tokens, layer.heads.1, layer.head_dim()?);
    let (rotary, past) = (Some(&context.rotary), before.past);
    let (k, raw_k) = projected(
        (&layer.k, norms.map(|norms| &norms.k)),
        &normed,
        heads,
        (rotary, past.map(|past| &past.k)),
    )?;
    let (v, _) = projected((&layer.v, None), &normed, heads, (None, past.map(|past| &past.v)))?;
    let (k, v) = match before.cache {
        Some(cache) => cache.append(&k, &v)?,
        None => (k, v),
    };
    let (rows, normed) = match &context.outputs {
        None => (x, normed),
        Some(outputs) => {
            let rows = x.index_select(&outputs.index, 0)?;
            let normed = layer.input_norm.forward(&rows)?;
            (rows, normed)
        }
    };
    let (rotary, mask) = context.of_outputs();
    let queries = rows.dim(0)? / batch;
    let heads = (batch, queries, layer.heads.0, layer.head_dim()?);
    let (q, raw_q) = projected(
        (&layer.q, norms.map(|norms| &norms.q)),
        &normed,
        heads,
        (Some(rotary), None),
    )?;
    let (attended, weights) = if with_weights {
        on_device::forward_with_weights((&q, &k, &v), mask)?
    } else {
        (on_device::forward((&q, &k, &v), mask)?, None)
    };
    let attended = on_device::joined(&attended)?.reshape((batch * queries, ()))?;
    let attended = product(&attended, &layer.o)?;
    let norm = &layer.attention_norm;
    let (middle, normed) = cuda::add_rms_norm(&rows, &attended, norm.weight(), norm.eps())?;
    Ok(Activations {
        q,
        k,
        v,
        raw: (raw_q, raw_k),
        weights,
        rows,
        gate: product(&normed, &layer.gate)?,
        up: product(&normed, &layer.up)?,
        middle,
    })
}

/// The layer's result `[batch, outputs, hidden]`: `sum` `[batch * outputs, hidden]`, which is [`Activations::middle`],
/// plus the feed-forward network's output. `sum` must not be used any more.
fn result(layer: &DecoderLayer, sum: Tensor, activations: &Activations, batch: usize) -> Result<Tensor> {
    let hidden = sum.dim(1)?;
    let wide = cuda::swiglu(&activations.gate, &activations.up)?;
    product_onto(sum, &wide, &layer.down)?.reshape((batch, (), hidden))
}

/// The heads `[batch, heads, past + tokens, head]` of `rows` `[batch * tokens, hidden]`, normed and rotated if a norm and
/// angles are given, behind the past's; and their values before the norm. `dims` are batch, tokens, heads and head.
fn projected(
    (linear, norm): (&Linear, Option<&RmsNorm>),
    rows: &Tensor,
    dims: (usize, usize, usize, usize),
    (rotary, past): (Option<&Rotary>, Option<&Tensor>),
) -> Result<(Tensor, Option<Tensor>)> {
    let product = product(rows, linear)?.reshape(dims)?;
    let tables = rotary.map(Rotary::joined);
    let Some(norm) = norm else {
        let (bias, tables) = (linear.bias(), tables);
        return Ok((cuda::heads_major(&product, OnTheWay { bias, tables, past })?, None));
    };
    if linear.bias().is_some() {
        bail!("a layer whose heads have norms has no biases");
    }
    let normed = norm.forward(&product)?;
    let heads = cuda::heads_major(
        &normed,
        OnTheWay {
            bias: None,
            tables,
            past,
        },
    )?;
    Ok((heads, Some(product)))
}

/// The gradient of the input `x` `[batch, tokens, hidden]`, from that of the result `[batch, outputs, hidden]`.
fn backward(
    layer: &DecoderLayer,
    x: &Tensor,
    context: &BatchContext,
    activations: Activations,
    grad: &Tensor,
) -> Result<Tensor> {
    let (batch, tokens, hidden) = x.dims3()?;
    let Activations {
        q,
        k,
        v,
        raw,
        weights,
        rows,
        middle,
        gate,
        up,
    } = activations;
    let grad = grad.reshape(((), hidden))?;
    let of_norm = |norm: &RmsNorm, x: &Tensor, d: &Tensor, residual: Option<&Tensor>| {
        cuda::rms_norm_backward(x, (norm.weight(), norm.eps()), d, residual)
    };

    let d_wide = backwards(&grad, &layer.down)?;
    let (d_gate, d_up) = cuda::swiglu_backward(&gate, &up, &d_wide)?;
    drop((d_wide, gate, up));
    let d_normed = backwards_onto(backwards(&d_gate, &layer.gate)?, &d_up, &layer.up)?;
    drop((d_gate, d_up));
    let d_middle = of_norm(&layer.attention_norm, &middle, &d_normed, Some(&grad))?;

    let queries = rows.dim(0)? / batch;
    let heads = (batch, queries, layer.heads.0, layer.head_dim()?);
    let d_attended = backwards(&d_middle, &layer.o)?.reshape(heads)?;
    let d_attended = cuda::heads_major(&d_attended, OnTheWay::default())?;
    let (rotary, mask) = context.of_outputs();
    let (dq, dk, dv) = on_device::backward((&q, &k, &v), mask, weights, &d_attended)?;
    // The tokens before the input are constant and get no gradient.
    let skipped = k.dim(2)? - tokens;
    let norms = layer.head_norms.as_ref();
    let of_projection = |d: &Tensor, rotary: Option<&Rotary>, skipped, norm: Option<(&RmsNorm, &Tensor)>| {
        let d = cuda::token_major(d, rotary.map(Rotary::joined), skipped)?;
        let d = match norm {
            Some((norm, raw)) => of_norm(norm, raw, &d, None)?,
            None => d,
        };
        let (batch, tokens, heads, head) = d.dims4()?;
        d.reshape((batch * tokens, heads * head))
    };
    let dk = of_projection(
        &dk,
        Some(&context.rotary),
        skipped,
        norms.map(|norms| &norms.k).zip(raw.1.as_ref()),
    )?;
    let dv = of_projection(&dv, None, skipped, None)?;
    let dq = of_projection(&dq, Some(rotary), 0, norms.map(|norms| &norms.q).zip(raw.0.as_ref()))?;

    let d_normed = backwards_onto(backwards(&dk, &layer.k)?, &dv, &layer.v)?;
    let all = x.reshape((batch * tokens, hidden))?;
    let dx = match &context.outputs {
        None => {
            let d_normed = backwards_onto(d_normed, &dq, &layer.q)?;
            of_norm(&layer.input_norm, &all, &d_normed, Some(&d_middle))?
        }
        Some(outputs) => {
            let of_outputs = backwards(&dq, &layer.q)?;
            let of_outputs = of_norm(&layer.input_norm, &rows, &of_outputs, Some(&d_middle))?;
            of_norm(&layer.input_norm, &all, &d_normed, None)?.index_add(&outputs.index, &of_outputs, 0)?
        }
    };
    dx.reshape(x.shape())
}

/// `x W^T`. Functions of their own, so that what a packed weight is unpacked to is dropped before the next one's.
fn product(x: &Tensor, linear: &Linear) -> Result<Tensor> {
    x.matmul(&linear.weight().numbers()?.t()?)
}

/// `sum + x W^T`, in the place of `sum`.
fn product_onto(sum: Tensor, x: &Tensor, linear: &Linear) -> Result<Tensor> {
    accumulate(sum, x, &linear.weight().numbers()?.t()?)
}

/// The gradient `grad W` of [`product`]'s `x`.
fn backwards(grad: &Tensor, linear: &Linear) -> Result<Tensor> {
    grad.matmul(&linear.weight().numbers()?)
}

/// `sum + grad W`, in the place of `sum`.
fn backwards_onto(sum: Tensor, grad: &Tensor, linear: &Linear) -> Result<Tensor> {
    accumulate(sum, grad, &linear.weight().numbers()?)
}

struct FrozenLayer {
    layer: DecoderLayer,
    context: Arc<BatchContext>,
    past: Option<Past>,
    result: KnownResult,
    /// Kept from forward until backward takes them.
    kept: Mutex<Option<Activations>>,
}

impl CustomOp1 for FrozenLayer {
    fn name(&self) -> &'static str {
        "frozen-decoder-layer"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        self.result.on_cpu()
    }

    fn cuda_fwd(&self, _: &CudaStorage, _: &Layout) -> Result<(CudaStorage, Shape)> {
        self.result.on_cuda()
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let (x, grad) = (x.detach(), grad.detach().contiguous()?);
        let activations = match self.kept.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(kept) => kept,
            None => {
                let before = Before {
                    past: self.past.as_ref(),
                    cache: None,
                };
                activations(&self.layer, &x, &self.context, before, true)?
            }
        };
        backward(&self.layer, &x, &self.context, activations, &grad).map(Some)
    }
}
