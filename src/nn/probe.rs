//! Prepares a CUDA device, and compares each kernel, forward and backward, with its plain form on small operands.

use candle_core::{DType, Device, Result, Tensor, Var};

use super::backend::judge_kernels;
use super::cuda::{self, AdamStep, DeviceMask};
use super::decoder_layer::{BatchContext, DecoderLayer, Outputs};
use super::{Interrupt, LayerNorm, Linear, Mask, RmsNorm, Rotary, activation, attention, loss};

const EPS: f64 = 1e-6;
/// The attention scale of a head of width 32.
const SCALE: f64 = 0.176_776_695;

/// Prepares `device` if it is a CUDA device: makes it keep freed memory and make no events, compiles the kernels and compares them with the
/// plain operations. Returns a message if something of this fails: training is then slower, and without the kernels
/// takes more memory.
#[must_use]
pub fn prepare_device(device: &Device) -> Option<String> {
    if !device.is_cuda() {
        return None;
    }
    let notices = [cuda::configure(device), kernels(device)];
    notices.into_iter().flatten().reduce(|all, one| format!("{all}; {one}"))
}

/// Why the kernels cannot be used; `None` if they can.
fn kernels(device: &Device) -> Option<String> {
    let verdict = judge_kernels(|| {
        cuda::compile()?;
        match disagreement(device) {
            Ok(None) => Ok(()),
            Ok(Some(reason)) => Err(reason),
            Err(error) => Err(error.to_string()),
        }
    });
    let reason = verdict.as_ref().err()?;
    let first_line = reason.lines().next().unwrap_or_default();
    Some(format!(
        "the CUDA kernels cannot be used on this device ({first_line}); candle's own operations are used instead, which are \
         slower and need more memory"
    ))
}

/// A message that names the first kernel whose results differ from those of the plain operations in f32.
///
/// # Errors
/// Where the device fails.
pub(super) fn disagreement(device: &Device) -> Result<Option<String>> {
    for (dtype, bound) in [(DType::F32, 1e-5), (DType::BF16, 2e-2)] {
        for case in cases(device)? {
            let weights = noise(case.plain(&case.operands)?.dims(), device)?;
            let (got, d_got) = case.with_gradient(dtype, &weights, |operands| case.kernel(operands))?;
            let (want, d_want) = case.with_gradient(DType::F32, &weights, |operands| case.plain(operands))?;
            let pairs = [got].into_iter().chain(d_got).zip([want].into_iter().chain(d_want));
            for (got, want) in pairs {
                let error = relative_error(&got, &want)?;
                if !matches!(error, 0.0..) || error > bound {
                    return Ok(Some(format!("{} in {dtype:?} is off by {error:.1e}", case.name)));
                }
            }
        }
    }
    optimizer(device)
}

/// A message if two steps of AdamW or the sum of squares differ from the plain operations.
fn optimizer(device: &Device) -> Result<Option<String>> {
    let grad = noise(&[3, 301], device)?;
    let [parameter, mean, square] = [0.5, 0.1, 0.2].map(|by| noise(&[3, 301], device).and_then(|x| x * by));
    let (parameter, mean, square) = (parameter?, mean?, square?.sqr()?);
    let step = AdamStep {
        scale: 0.5,
        rate: 0.02,
        inverse_root: 3.0,
        kept: 0.9,
    };
    let scaled = (&grad * step.scale)?;
    let want_mean = ((&mean * 0.9)? + (&scaled * 0.1)?)?;
    let want_square = ((&square * 0.999)? + (scaled.sqr()? * 0.001)?)?;
    let change = (&want_mean / ((want_square.sqrt()? * step.inverse_root)? + 1e-8)?)?;
    let want = ((&parameter * step.kept)? - (change * step.rate)?)?;
    cuda::adamw(&parameter, &grad, (&mean, &square), step)?;
    let sums = cuda::squares(&grad, None)?;
    let sums = cuda::squares(&parameter, Some(&sums))?.sum_all()?;
    let squares = (grad.sqr()?.sum_all()? + parameter.sqr()?.sum_all()?)?;
    let pairs = [
        (parameter, want),
        (mean, want_mean),
        (square, want_square),
        (sums, squares),
    ];
    for (got, want) in &pairs {
        let error = relative_error(got, want)?;
        if !matches!(error, 0.0..1e-5) {
            return Ok(Some(format!("the optimiser is off by {error:.1e}")));
        }
    }
    Ok(None)
}

/// An operation with operands that bf16 represents exactly.
struct Case {
    name: &'static str,
    /// How many of the operands get a gradient.
    trained: usize,
    operands: Vec<Tensor>,
    kind: Kind,
}

enum Kind {
    RmsNorm(Tensor),
    LayerNorm {
        weight: Tensor,
        bias: Tensor,
    },
    Gelu {
        tangent: bool,
    },
    SwiGlu,
    /// The decoder layer with all positions, or with output positions alone.
    DecoderLayer {
        outputs: bool,
    },
    Rotate {
        angles: Vec<f64>,
        cos: Tensor,
        sin: Tensor,
    },
    MaskedSoftmax {
        mask: Mask,
        on_device: DeviceMask,
    },
    LogLikelihood(Tensor),
}

fn cases(device: &Device) -> Result<Vec<Case>> {
    let case = |name, shapes: &[&[usize]], kind| {
        let operands = shapes
            .iter()
            .map(|shape| noise(shape, device))
            .collect::<Result<Vec<_>>>()?;
        Ok::<_, candle_core::Error>(Case {
            name,
            trained: operands.len(),
            operands,
            kind,
        })
    };
    let angles: Vec<f64> = (0..2 * 3 * 8).map(|i| f64::from(i) * 0.7).collect();
    let table = |f: fn(f64) -> f64| {
        let values: Vec<f32> = angles.iter().map(|&angle| f(angle) as f32).collect();
        Tensor::from_vec(values, (2, 3, 8), device)
    };
    let rotate = Kind::Rotate {
        cos: table(f64::cos)?,
        sin: table(f64::sin)?,
        angles: angles.clone(),
    };
    // A shared prefix, two answers and padding; in the second sequence all keys are shared.
    let segments = vec![vec![0, 0, 0, 1, 1, 2, 2, Mask::PADDING, Mask::PADDING], vec![0; 9]];
    let positions: [u32; 10] = [2, 4, 6, 7, 8, 0, 3, 5, 7, 8];
    let queries = positions
        .chunks(5)
        .map(|row| row.iter().map(|&position| position as usize).collect());
    let mask = Mask::new(true, segments.clone()).at(queries.collect());
    let on_device = DeviceMask {
        segments: Tensor::new(segments, device)?,
        queries: Tensor::from_slice(&positions, (2, 5), device)?,
        causal: true,
    };
    let targets = Tensor::new(&[3_u32, 699, 0, 255], device)?;
    let layer_norm = Kind::LayerNorm {
        weight: noise(&[300], device)?,
        bias: (noise(&[300], device)? * 0.25)?,
    };
    Ok(vec![
        case("the layer norm", &[&[3, 5, 300]], layer_norm)?,
        case("QuickGELU", &[&[7, 301]], Kind::Gelu { tangent: false })?,
        case("the tanh GELU", &[&[7, 301]], Kind::Gelu { tangent: true })?,
        case(
            "the decoder layer",
            &[&[2, 5, 24]],
            Kind::DecoderLayer { outputs: false },
        )?,
        case(
            "the decoder layer's output positions",
            &[&[2, 5, 24]],
            Kind::DecoderLayer { outputs: true },
        )?,
        case("the RMS norm", &[&[3, 5, 300]], Kind::RmsNorm(noise(&[300], device)?))?,
        case("SwiGLU", &[&[7, 301], &[7, 301]], Kind::SwiGlu)?,
        case("the rotation", &[&[2, 3, 4, 16]], rotate)?,
        case("the softmax", &[&[2, 4, 5, 9]], Kind::MaskedSoftmax { mask, on_device })?,
        case("the cross-entropy", &[&[4, 700]], Kind::LogLikelihood(targets))?,
    ])
}

impl Case {
    fn kernel(&self, x: &[Tensor]) -> Result<Tensor> {
        match &self.kind {
            Kind::RmsNorm(weight) => cuda::rms_norm(&x[0], &weight.to_dtype(x[0].dtype())?, EPS),
            Kind::LayerNorm { weight, bias } => {
                let of = |parameter: &Tensor| parameter.to_dtype(x[0].dtype());
                cuda::layer_norm(&x[0], &of(weight)?, &of(bias)?, EPS)
            }
            Kind::Gelu { tangent } => cuda::gelu(&x[0], *tangent),
            Kind::DecoderLayer { outputs } => {
                let context = context(*outputs, x[0].dtype(), x[0].device())?;
                layer(x[0].dtype(), x[0].device())?.by_kernels(&x[0], &context.into())
            }
            Kind::SwiGlu => cuda::swiglu(&x[0], &x[1]),
            Kind::Rotate { cos, sin, .. } => cuda::rotate(&x[0], cos, sin),
            Kind::MaskedSoftmax { on_device, .. } => cuda::masked_softmax(&x[0], Some(on_device), SCALE),
            Kind::LogLikelihood(targets) => cuda::log_likelihoods(&x[0], targets),
        }
    }

    fn plain(&self, x: &[Tensor]) -> Result<Tensor> {
        match &self.kind {
            Kind::RmsNorm(weight) => RmsNorm::new(weight.clone(), EPS, false).plain(&x[0]),
            Kind::LayerNorm { weight, bias } => LayerNorm::new(weight.clone(), bias.clone(), EPS, false).plain(&x[0]),
            Kind::Gelu { tangent: false } => activation::plain_quick_gelu(&x[0]),
            Kind::Gelu { tangent: true } => activation::plain_tanh_gelu(&x[0]),
            Kind::DecoderLayer { outputs } => {
                let context = context(*outputs, x[0].dtype(), x[0].device())?;
                layer(x[0].dtype(), x[0].device())?.by_operations(&x[0], &context)
            }
            Kind::SwiGlu => activation::plain_swiglu(&x[0], &x[1]),
            Kind::Rotate { angles, .. } => Rotary::new(angles, (2, 3, 8), DType::F32, x[0].device())?.plain(&x[0]),
            Kind::MaskedSoftmax { mask, .. } => attention::plain_softmax(&x[0], mask, SCALE),
            Kind::LogLikelihood(targets) => loss::plain(&x[0], targets),
        }
    }

    /// The result of `compute` in `dtype`, and the operands' gradients for a weighted sum of it as loss; all as f32.
    fn with_gradient(
        &self,
        dtype: DType,
        weights: &Tensor,
        compute: impl Fn(&[Tensor]) -> Result<Tensor>,
    ) -> Result<(Tensor, Vec<Tensor>)> {
        let vars = self.operands[..self.trained].iter();
        let vars = vars
            .map(|x| Var::from_tensor(&x.to_dtype(dtype)?))
            .collect::<Result<Vec<_>>>()?;
        let operands: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
        let y = compute(&operands)?.to_dtype(DType::F32)?;
        let grads = (&y * weights)?.sum_all()?.backward()?;
        let of = |var: &Var| match grads.get(var) {
            Some(grad) => grad.to_dtype(DType::F32),
            None => candle_core::bail!("no gradient"),
        };
        Ok((y, vars.iter().map(of).collect::<Result<Vec<_>>>()?))
    }
}

/// A frozen decoder layer with biases, four query heads and two heads of keys and values, each 6 wide.
fn layer(dtype: DType, device: &Device) -> Result<DecoderLayer> {
    let weight = |shape: &[usize]| (noise(shape, device)? * 0.125)?.to_dtype(dtype);
    let linear = |out, input| Ok::<_, candle_core::Error>(Linear::frozen(weight(&[out, input])?, None));
    let biased =
        |out, input| Ok::<_, candle_core::Error>(Linear::frozen(weight(&[out, input])?, Some(weight(&[out])?)));
    let norm = || Ok::<_, candle_core::Error>(RmsNorm::new(noise(&[24], device)?.to_dtype(dtype)?, EPS, false));
    Ok(DecoderLayer {
        input_norm: norm()?,
        attention_norm: norm()?,
        q: biased(24, 24)?,
        k: biased(12, 24)?,
        v: biased(12, 24)?,
        head_norms: None,
        o: linear(24, 24)?,
        gate: linear(40, 24)?,
        up: linear(40, 24)?,
        down: linear(24, 40)?,
        heads: (4, 2),
    })
}

/// Two sequences of five tokens, of which the second ends in padding.
fn context(outputs: bool, dtype: DType, device: &Device) -> Result<BatchContext> {
    let mask = Mask::new(true, vec![vec![0; 5], vec![0, 0, 0, Mask::PADDING, Mask::PADDING]]);
    let rotary = |tokens: usize| {
        let angles: Vec<f64> = (0..2 * tokens * 3).map(|i| i as f64 * 0.3).collect();
        Rotary::new(&angles, (2, tokens, 3), dtype, device)
    };
    let outputs = if outputs {
        Some(Outputs {
            index: Tensor::new(&[1_u32, 4, 5, 7], device)?,
            per_sequence: 2,
            rotary: rotary(2)?,
            mask: mask.at(vec![vec![1, 4], vec![0, 2]]),
        })
    } else {
        None
    };
    Ok(BatchContext {
        rotary: rotary(5)?,
        mask,
        interrupt: Interrupt::default(),
        outputs,
    })
}

/// The norm of the difference divided by the norm of `want`.
fn relative_error(got: &Tensor, want: &Tensor) -> Result<f64> {
    let difference = (got - want)?.sqr()?.sum_all()?.to_scalar::<f32>()?;
    let norm = want.sqr()?.sum_all()?.to_scalar::<f32>()?;
    Ok((f64::from(difference) / f64::from(norm)).sqrt())
}

/// Deterministic values in [-2, 2] that bf16 represents exactly.
fn noise(shape: &[usize], device: &Device) -> Result<Tensor> {
    let n: usize = shape.iter().product();
    let values: Vec<f32> = (0..n).map(|i| 2.0 * (i as f32 * 12.9898).sin()).collect();
    Tensor::from_vec(values, shape, device)?
        .to_dtype(DType::BF16)?
        .to_dtype(DType::F32)
}
