//! The frozen layer on the CPU as a single operation of the graph.
//!
//! As separate operations, candle would write each intermediate result to memory, and in backward accumulate a gradient
//! for each. A frozen layer needs only its input's gradient.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Tensor, bail};

use super::backward::backward;
use super::context::{BatchContext, Past};
use super::forward::{Activations, Half, Input, Keys, OutputRows, behind, forward as run, keys_and_values};
use super::parameters::DecoderLayer;
use super::weights::{Weights, with_weights};
use crate::nn::Interrupt;
use crate::nn::cpu::{Buffer, Real, slice, with_slices};

/// Like [`DecoderLayer::forward`].
pub fn forward(
    layer: &DecoderLayer,
    x: &Tensor,
    (context, past): (&Arc<BatchContext>, Option<&Past>),
    recompute: bool,
) -> Result<Tensor> {
    let x = x.contiguous()?;
    let op = FusedLayer {
        layer: layer.clone(),
        context: context.clone(),
        past: past.cloned(),
        keep: x.track_op() && !recompute,
        kept: Mutex::new(None),
    };
    x.apply_op1(op)
}

/// Without an autograd graph. `seen` takes the keys and values of `x` (`[batch, tokens, kv_heads, head]`) and returns
/// all visible ones, contiguous.
pub fn forward_with(
    layer: &DecoderLayer,
    x: &Tensor,
    context: &BatchContext,
    seen: impl FnOnce(Tensor, Tensor) -> Result<(Tensor, Tensor)>,
) -> Result<Tensor> {
    match x.dtype() {
        DType::F64 => with_seen::<f64>(layer, x, context, seen),
        _ => with_seen::<f32>(layer, x, context, seen),
    }
}

fn with_seen<T: Real>(
    layer: &DecoderLayer,
    x: &Tensor,
    context: &BatchContext,
    seen: impl FnOnce(Tensor, Tensor) -> Result<(Tensor, Tensor)>,
) -> Result<Tensor> {
    let (batch, tokens, hidden) = x.dims3()?;
    let x = x.contiguous()?;
    let dims = (batch, tokens, layer.heads.1, layer.head_dim()?);
    let y = with_slices::<T, _>(&[&x], |s| {
        with_input(
            layer,
            (context, None, &context.interrupt),
            (s[0], x.dims()),
            |w, input, _| {
                let Keys { k, v, .. } = keys_and_values(w, input);
                let tensor = |values: Buffer<T>| Tensor::from_slice(&values, dims, x.device());
                let (k, v) = seen(tensor(k)?, tensor(v)?)?;
                let keys = k.dim(1)?;
                if input.mask.keys() != keys || v.dims() != k.dims() || k.dim(0)? != batch {
                    bail!("keys {:?} for a mask of {}", k.shape(), input.mask.keys());
                }
                let keys = with_slices::<T, _>(&[&k, &v], |s| {
                    Ok(Keys {
                        k: filled(s[0]),
                        v: filled(s[1]),
                        raw: None,
                    })
                })?;
                Ok(run(w, input, keys, false).0)
            },
        )
    })?;
    Tensor::from_vec(y, (batch, (), hidden), x.device())
}

fn filled<T: Real>(values: &[T]) -> Buffer<T> {
    let mut buffer = Buffer::of(values.len());
    buffer.copy_from_slice(values);
    buffer
}

struct FusedLayer {
    layer: DecoderLayer,
    context: Arc<BatchContext>,
    past: Option<Past>,
    keep: bool,
    /// The [`Activations`], in the input's number type, kept from forward until backward takes them.
    kept: Mutex<Option<Box<dyn Any + Send>>>,
}

impl FusedLayer {
    fn forward<T: Real>(&self, x: &[T], dims: &[usize]) -> Result<Vec<T>> {
        let context = (&*self.context, self.past.as_ref(), &self.context.interrupt);
        let (y, kept) = with_input(&self.layer, context, (x, dims), |w, input, past| {
            whole(w, input, past, self.keep)
        })?;
        if self.keep {
            *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(kept));
        }
        Ok(y)
    }

    fn backward<T: Real>(&self, x: &Tensor, grad: &Tensor) -> Result<Tensor> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).take();
        let kept = kept.and_then(|kept| kept.downcast::<Activations<T>>().ok());
        let dx = with_slices::<T, _>(&[x, grad], |s| {
            // Backward must not stop early, because no caller checks the flag after it.
            let never = Interrupt::default();
            let context = (&*self.context, self.past.as_ref(), &never);
            with_input(&self.layer, context, (s[0], x.dims()), |w, input, past| {
                let kept = match kept {
                    Some(kept) => *kept,
                    None => whole(w, input, past, true)?.1,
                };
                let half: &Half<T> = match &kept.half {
                    Some(half) => half,
                    None => bail!("a fused layer kept half of what it needs"),
                };
                Ok(backward(w, input, (&kept, half), s[1]))
            })
        })?;
        Tensor::from_vec(dx, x.shape(), x.device())
    }
}

/// Computes the result from the input's keys and values, preceded by those of `past`.
fn whole<T: Real>(
    w: &Weights<'_, T>,
    input: &Input<'_, T>,
    past: [&[T]; 2],
    keep: bool,
) -> Result<(Vec<T>, Activations<T>)> {
    let Keys { k, v, raw } = keys_and_values(w, input);
    let (k, v) = (behind(past[0], k, input.batch), behind(past[1], v, input.batch));
    let keys = k.len() / (w.widths.kv() * input.batch);
    if input.mask.keys() != keys {
        bail!("{keys} keys, {} of them masked", input.mask.keys());
    }
    Ok(run(w, input, Keys { k, v, raw }, keep))
}

/// Calls `f` with the layer's weights, the input with its context, and the keys and values before it.
fn with_input<T: Real, R>(
    layer: &DecoderLayer,
    (context, past, interrupt): (&BatchContext, Option<&Past>, &Interrupt),
    (x, dims): (&[T], &[usize]),
    f: impl FnOnce(&Weights<'_, T>, &Input<'_, T>, [&[T]; 2]) -> Result<R>,
) -> Result<R> {
    let (batch, tokens, hidden) = (dims[0], dims[1], dims[2]);
    let mut others = Vec::from(<[&Tensor; 2]>::from(context.rotary.tables()));
    if let Some(outputs) = &context.outputs {
        others.extend(<[&Tensor; 2]>::from(outputs.rotary.tables()));
    }
    if let Some(past) = past {
        others.extend([&past.k, &past.v]);
    }
    with_weights(layer, &others, |w, others| {
        let (angles, others) = others.split_at(2);
        let (_, mask) = context.of_outputs();
        let fits = |angles: &[T], rows: usize| angles.len() == rows * w.widths.head / 2;
        let (outputs, others) = match &context.outputs {
            None => (None, others),
            Some(outputs) => {
                let index = outputs.index.to_vec1::<u32>()?;
                if index.iter().any(|&row| row as usize >= batch * tokens) || !fits(others[0], index.len()) {
                    bail!("output rows {index:?} of {batch} x {tokens}");
                }
                let rows = index.iter().flat_map(|&row| &x[row as usize * hidden..][..hidden]);
                let x = rows.copied().collect();
                let angles = (others[0], others[1]);
                (Some(OutputRows { index, x, angles }), &others[2..])
            }
        };
        let past = if let [k, v] = others { [*k, *v] } else { [&[][..]; 2] };
        let queries = outputs.as_ref().map_or(tokens, |outputs| outputs.index.len() / batch);
        let keys = past[0].len() / w.widths.kv() + tokens;
        let masked = mask.segments().len() == batch && mask.fits(queries) && mask.keys() >= keys;
        if hidden != w.widths.hidden || !masked || !fits(angles[0], batch * tokens) {
            bail!(
                "a layer of {} over {dims:?} with {} masked keys",
                w.widths.hidden,
                mask.keys()
            );
        }
        let input = Input {
            x,
            angles: (angles[0], angles[1]),
            batch,
            outputs,
            mask,
            interrupt,
        };
        f(w, &input, past)
    })
}

impl CustomOp1 for FusedLayer {
    fn name(&self) -> &'static str {
        "decoder-layer"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, tokens, hidden) = layout.shape().dims3()?;
        let outputs = self.context.outputs.as_ref();
        let outputs = outputs.map_or(tokens, |outputs| outputs.per_sequence);
        let y = match x {
            CpuStorage::F64(_) => CpuStorage::F64(self.forward(slice(x, layout)?, layout.dims())?),
            _ => CpuStorage::F32(self.forward(slice(x, layout)?, layout.dims())?),
        };
        Ok((y, Shape::from((batch, outputs, hidden))))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let grad = grad.contiguous()?;
        Ok(Some(match x.dtype() {
            DType::F64 => self.backward::<f64>(x, &grad)?,
            _ => self.backward::<f32>(x, &grad)?,
        }))
    }
}
