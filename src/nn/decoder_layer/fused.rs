//! The frozen layer on the CPU as one operation of the graph.
//!
//! Operation by operation, candle would write each intermediate result to memory, and in backward once more to add it
//! up: for a layer that is frozen only its input's gradient is of use.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Tensor, bail};

use super::backward::backward;
use super::forward::{Activations, Half, Input, Picked, forward as run};
use super::weights::{Weights, with_weights};
use super::{DecoderLayer, Places};
use crate::nn::kernel::{Real, slice, with_slices};

/// As [`DecoderLayer::forward`].
pub fn forward(layer: &DecoderLayer, x: &Tensor, places: &Arc<Places>, recompute: bool) -> Result<Tensor> {
    let x = x.contiguous()?;
    let op = FusedLayer {
        layer: layer.clone(),
        places: places.clone(),
        keep: x.track_op() && !recompute,
        kept: Mutex::new(None),
    };
    x.apply_op1(op)
}

/// The result, and the keys and values `[batch, tokens, kv_heads, head]` of `x`.
pub fn forward_with_keys(layer: &DecoderLayer, x: &Tensor, places: &Places) -> Result<(Tensor, Tensor, Tensor)> {
    match x.dtype() {
        DType::F64 => with_keys::<f64>(layer, x, places),
        _ => with_keys::<f32>(layer, x, places),
    }
}

fn with_keys<T: Real>(layer: &DecoderLayer, x: &Tensor, places: &Places) -> Result<(Tensor, Tensor, Tensor)> {
    let (batch, tokens, hidden) = x.dims3()?;
    let x = x.contiguous()?;
    let (y, kept) = with_slices::<T, _>(&[&x], |s| {
        with_input(layer, places, (s[0], x.dims()), |w, input| Ok(run(w, input, false)))
    })?;
    let keys = (batch, tokens, layer.heads.1, hidden / layer.heads.0);
    let tensor = |values, keys| Tensor::from_vec(values, keys, x.device());
    Ok((
        Tensor::from_vec(y, (batch, (), hidden), x.device())?,
        tensor(kept.k, keys)?,
        tensor(kept.v, keys)?,
    ))
}

struct FusedLayer {
    layer: DecoderLayer,
    places: Arc<Places>,
    keep: bool,
    /// [`Activations`] of the input's type, from forward until backward takes them.
    kept: Mutex<Option<Box<dyn Any + Send>>>,
}

impl FusedLayer {
    fn forward<T: Real>(&self, x: &[T], dims: &[usize]) -> Result<Vec<T>> {
        let (y, kept) = with_input(&self.layer, &self.places, (x, dims), |w, input| {
            Ok(run(w, input, self.keep))
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
            with_input(&self.layer, &self.places, (s[0], x.dims()), |w, input| {
                let kept = kept.map_or_else(|| run(w, input, true).1, |kept| *kept);
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

/// Hands the layer's weights and the input with its places to `f`.
fn with_input<T: Real, R>(
    layer: &DecoderLayer,
    places: &Places,
    (x, dims): (&[T], &[usize]),
    f: impl FnOnce(&Weights<'_, T>, &Input<'_, T>) -> Result<R>,
) -> Result<R> {
    let (batch, tokens, hidden) = (dims[0], dims[1], dims[2]);
    let (cos, sin) = places.rotary.tables();
    let mut tables = vec![cos, sin];
    if let Some(few) = &places.few {
        tables.extend(<[&Tensor; 2]>::from(few.rotary.tables()));
    }
    with_weights(layer, &tables, |w, angles| {
        let (_, mask) = places.asking();
        let fits = |keys: &[T], rows: usize| keys.len() == rows * w.widths.head / 2;
        let few = match &places.few {
            None => None,
            Some(few) => {
                let index = few.index.to_vec1::<u32>()?;
                if index.iter().any(|&row| row as usize >= batch * tokens) || !fits(angles[2], index.len()) {
                    bail!("wanted rows {index:?} of {batch} x {tokens}");
                }
                let rows = index.iter().flat_map(|&row| &x[row as usize * hidden..][..hidden]);
                let x = rows.copied().collect();
                let angles = (angles[2], angles[3]);
                Some(Picked { index, x, angles })
            }
        };
        let asking = few.as_ref().map_or(tokens, |few| few.index.len() / batch);
        if hidden != w.widths.hidden || mask.keys() != tokens || !mask.fits(asking) || !fits(angles[0], batch * tokens)
        {
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
            few,
            mask,
        };
        f(w, &input)
    })
}

impl CustomOp1 for FusedLayer {
    fn name(&self) -> &'static str {
        "decoder-layer"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, tokens, hidden) = layout.shape().dims3()?;
        let asking = self.places.few.as_ref().map_or(tokens, |few| few.width);
        let y = match x {
            CpuStorage::F64(_) => CpuStorage::F64(self.forward(slice(x, layout)?, layout.dims())?),
            _ => CpuStorage::F32(self.forward(slice(x, layout)?, layout.dims())?),
        };
        Ok((y, Shape::from((batch, asking, hidden))))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let grad = grad.contiguous()?;
        Ok(Some(match x.dtype() {
            DType::F64 => self.backward::<f64>(x, &grad)?,
            _ => self.backward::<f32>(x, &grad)?,
        }))
    }
}
