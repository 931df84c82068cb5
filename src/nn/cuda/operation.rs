//! What the kernels compute, and the launch of each.

use candle_core::{DType, Layout, Result, Shape, Tensor, bail};

use super::launch::{INPUTS, Launch, Work};
use crate::nn::weight::Format;

/// An operation of `kernels.cu`, with the parameters that are not operands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Operation {
    RmsNorm {
        eps: f32,
    },
    AddRmsNorm {
        eps: f32,
    },
    RmsNormBackward {
        eps: f32,
    },
    LayerNorm {
        eps: f32,
    },
    LayerNormBackward {
        eps: f32,
    },
    /// `wide`, here and below: of a first operand in f32, in bf16.
    Gelu {
        tangent: bool,
        wide: bool,
    },
    GeluBackward {
        tangent: bool,
    },
    Biased {
        wide: bool,
    },
    SwiGlu,
    SwiGluBackward,
    Rotate {
        sign: f32,
    },
    HeadsMajor {
        rotated: usize,
        wide: bool,
    },
    TokenMajor {
        skipped: usize,
        sign: f32,
    },
    MaskedSoftmax {
        causal: bool,
        scale: f32,
        wide: bool,
    },
    /// `wide`: the gradient is in f32.
    MaskedSoftmaxBackward {
        scale: f32,
        wide: bool,
    },
    LogLikelihood,
    LogLikelihoodBackward,
    AdamW {
        reals: [f32; 4],
    },
    Squares,
    /// Numbers of `dtype` from packed blocks (u8): `count` rows from row `from` on, or those that the second operand names.
    Unpack {
        format: Format,
        columns: usize,
        from: usize,
        count: usize,
        dtype: DType,
    },
}

/// The blocks, and so the sums, of [`Operation::Squares`].
pub const SQUARES: usize = 1024;

/// A kernel's operands; those that are left out are `None`.
pub type Operands<T> = [Option<T>; INPUTS];

impl Operation {
    /// The launch for operands with these layouts; `dtype` is the first operand's.
    ///
    /// # Errors
    /// If the operands are not contiguous, do not fit one another, or are too large.
    pub fn launch(self, operands: Operands<&Layout>, dtype: DType) -> Result<Launch> {
        let rest = usize::from(matches!(self, Self::HeadsMajor { .. }));
        let strided = operands[rest..].iter().flatten().any(|layout| !layout.is_contiguous());
        let Some(strides) = operands[0].map(Layout::stride).filter(|_| !strided) else {
            bail!("{self:?} needs contiguous operands");
        };
        let [Some(first), second, third, fourth] = operands.map(|layout| layout.map(Layout::shape)) else {
            bail!("{self:?} without operands");
        };
        let small = |n: usize| u32::try_from(n).map_err(|_| candle_core::Error::msg(format!("{n} is too large")));
        let count = |shape: Option<&Shape>| shape.map(Shape::elem_count);
        let dims = |shape: Option<&Shape>| shape.map(|shape| shape.dims().to_vec());
        let all = small(first.elem_count())?;
        let width = first.dims().last().copied().unwrap_or(1);
        let rows = first.elem_count() / width.max(1);
        let n_rows = small(rows)?;
        let start = |kernel, numbers: &[usize], real, work| {
            let mut launch = Launch {
                kernel,
                numbers: [0; 6],
                reals: [real, 0.0, 0.0, 0.0],
                work,
                output: first.clone(),
                dtype,
            };
            for (own, &number) in launch.numbers.iter_mut().zip(numbers) {
                *own = small(number)?;
            }
            Ok::<_, candle_core::Error>(launch)
        };
        let by_row = |kernel, real| start(kernel, &[rows, width], real, Work::Rows(n_rows));
        let each = |kernel, number| start(kernel, &[first.elem_count(), number], 0.0, Work::Elements(all));
        let fits = |holds: bool| {
            if holds {
                Ok(())
            } else {
                bail!("{self:?} of {first:?}, {second:?}, {third:?} and {fourth:?}")
            }
        };
        // Of a first operand in f32, in bf16.
        let rounded = |wide: bool, mut launch: Launch| {
            if wide {
                fits(dtype == DType::F32)?;
                launch.dtype = DType::BF16;
            }
            Ok::<_, candle_core::Error>(launch)
        };
        let same = |other: Option<&Shape>| other == Some(first);
        let a_row = |other: Option<&Shape>| count(other) == Some(width);
        Ok(match self {
            Self::RmsNorm { eps } => {
                fits(a_row(second))?;
                by_row("rms_norm", eps)?
            }
            Self::AddRmsNorm { eps } => {
                fits(same(second) && a_row(third) && same(fourth))?;
                by_row("add_rms_norm", eps)?
            }
            Self::RmsNormBackward { eps } => {
                fits(a_row(second) && same(third) && (fourth.is_none() || same(fourth)))?;
                by_row("rms_norm_backward", eps)?
            }
            Self::LayerNorm { eps } => {
                fits(a_row(second) && a_row(third))?;
                by_row("layer_norm", eps)?
            }
            Self::LayerNormBackward { eps } => {
                fits(a_row(second) && same(third))?;
                by_row("layer_norm_backward", eps)?
            }
            Self::Gelu { tangent, wide } => {
                fits(second.is_none() || a_row(second))?;
                let numbers = [first.elem_count(), usize::from(tangent), width, usize::from(wide)];
                rounded(wide, start("gelu", &numbers, 0.0, Work::Elements(all))?)?
            }
            Self::GeluBackward { tangent } => {
                fits(same(second))?;
                each("gelu_backward", usize::from(tangent))?
            }
            Self::Biased { wide } => {
                fits((second.is_none() || a_row(second)) && (third.is_none() || same(third)))?;
                let numbers = [first.elem_count(), width, usize::from(wide)];
                rounded(wide, start("biased", &numbers, 0.0, Work::Elements(all))?)?
            }
            Self::SwiGlu => {
                fits(same(second))?;
                each("swiglu", 0)?
            }
            Self::SwiGluBackward => {
                fits(same(second) && same(third) && same(fourth))?;
                each("swiglu_backward", 0)?
            }
            Self::Rotate { sign } => {
                let (batch, tokens, heads, width) = first.dims4()?;
                let table = Some(vec![batch, tokens, width / 2]);
                fits(dims(second) == table && dims(third) == table && width % 2 == 0)?;
                let numbers = [batch * tokens, heads, width / 2];
                start("rotate", &numbers, sign, Work::Elements(all / 2))?
            }
            Self::HeadsMajor { rotated, wide } => {
                let (batch, tokens, heads, width) = first.dims4()?;
                let [of_batch, stride, of_head, 1] = *strides else {
                    bail!("{self:?} needs heads that are contiguous");
                };
                let past = match dims(fourth).as_deref() {
                    None => 0,
                    Some(&[1, past, past_heads, past_width]) if (past_heads, past_width) == (heads, width) => past,
                    Some(_) => bail!("{self:?} behind {fourth:?}"),
                };
                let joined = of_head == width && (batch == 1 || of_batch == tokens * stride);
                let biased = second.is_none() || count(second) == Some(heads * width);
                let tables = third.is_none() || dims(third) == Some(vec![2, batch, tokens, width / 2]);
                fits(joined && biased && tables && rotated <= heads && width % 2 == 0)?;
                let numbers = [batch, tokens, heads, width / 2, past, stride];
                let output = Shape::from((batch, heads, past + tokens, width));
                let work = Work::Elements(small(output.elem_count() / 2)?);
                let mut launch = start("heads_major", &numbers, rotated as f32, work)?;
                launch.output = output;
                launch.reals[1] = f32::from(u8::from(wide));
                rounded(wide, launch)?
            }
            Self::TokenMajor { skipped, sign } => {
                let (batch, heads, tokens, width) = first.dims4()?;
                let Some(kept) = tokens.checked_sub(skipped) else {
                    bail!("{self:?} of {first:?}");
                };
                let rotated = second.is_none() || dims(second) == Some(vec![2, batch, kept, width / 2]);
                fits(rotated && width % 2 == 0)?;
                let output = Shape::from((batch, kept, heads, width));
                let work = Work::Elements(small(output.elem_count() / 2)?);
                let mut launch = start("token_major", &[batch, kept, heads, width / 2, skipped], sign, work)?;
                launch.output = output;
                launch
            }
            Self::MaskedSoftmax { causal, scale, wide } => {
                let (batch, heads, queries, keys) = first.dims4()?;
                let masked = dims(second) == Some(vec![batch, keys]) && dims(third) == Some(vec![batch, queries]);
                fits(masked || (second.is_none() && third.is_none() && !causal))?;
                let numbers = [batch, heads, queries, keys, usize::from(causal), usize::from(wide)];
                rounded(wide, start("masked_softmax", &numbers, scale, Work::Rows(n_rows))?)?
            }
            Self::MaskedSoftmaxBackward { scale, wide } => {
                fits(same(second))?;
                let numbers = [rows, width, usize::from(wide)];
                start("masked_softmax_backward", &numbers, scale, Work::Rows(n_rows))?
            }
            Self::LogLikelihood => {
                fits(first.dims().len() == 2 && dims(second) == Some(vec![rows]))?;
                let mut launch = by_row("log_likelihood", 0.0)?;
                (launch.output, launch.dtype) = (Shape::from(rows), DType::F32);
                launch
            }
            Self::LogLikelihoodBackward => {
                fits(
                    first.dims().len() == 2 && dims(second) == Some(vec![rows]) && dims(third) == Some(vec![2, rows]),
                )?;
                by_row("log_likelihood_backward", 0.0)?
            }
            Self::AdamW { reals } => {
                fits(same(second) && same(third) && dtype == DType::F32)?;
                let mut launch = each("adamw", 0)?;
                launch.reals = reals;
                launch
            }
            Self::Squares => {
                fits(dtype == DType::F32 && (second.is_none() || count(second) == Some(SQUARES)))?;
                let work = Work::Rows(SQUARES as u32);
                let mut launch = start("squares", &[first.elem_count(), SQUARES], 0.0, work)?;
                launch.output = Shape::from(SQUARES);
                launch
            }
            Self::Unpack {
                format,
                columns,
                from,
                count: asked,
                dtype: result,
            } => {
                let kind = match format {
                    Format::Q8_0 => 0,
                    Format::Q4K => 1,
                    Format::Bf16 | Format::F16 => bail!("no kernel unpacks {format:?}"),
                };
                let numbers = first.elem_count() / format.bytes() * format.numbers();
                let chosen = count(second).unwrap_or(asked);
                let is_there = second.is_some() || (from + asked) * columns <= numbers;
                fits(is_there && chosen == asked && matches!(result, DType::F32 | DType::BF16))?;
                let output = Shape::from((asked, columns));
                let work = Work::Elements(small(output.elem_count())?);
                let numbers = [output.elem_count(), columns, kind, from * columns];
                let mut launch = start("unpack", &numbers, 0.0, work)?;
                (launch.output, launch.dtype) = (output, result);
                launch
            }
        })
    }

    /// The result, without an autograd graph.
    ///
    /// # Errors
    /// As [`Self::launch`], and where the device fails.
    pub fn run(self, operands: Operands<&Tensor>) -> Result<Tensor> {
        #[cfg(any(test, feature = "cuda"))]
        return super::started::run(self, operands);
        #[cfg(not(any(test, feature = "cuda")))]
        bail!(
            "{self:?} of {} operands is for CUDA devices",
            operands.iter().flatten().count()
        );
    }

    /// The two results of an operation whose second one takes the place of the fourth operand; both have the first
    /// operand's shape. No graph.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn run_pair(self, operands: [&Tensor; 3]) -> Result<(Tensor, Tensor)> {
        #[cfg(any(test, feature = "cuda"))]
        return super::started::run_pair(self, operands);
        #[cfg(not(any(test, feature = "cuda")))]
        bail!("{self:?} of {:?} is for CUDA devices", operands.map(Tensor::shape));
    }

    /// Changes `output`, and for some operations the operands, in place.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn change(self, operands: Operands<&Tensor>, output: &Tensor) -> Result<()> {
        #[cfg(any(test, feature = "cuda"))]
        return super::started::change(self, operands, output);
        #[cfg(not(any(test, feature = "cuda")))]
        {
            let operands = operands.iter().flatten().count();
            bail!(
                "{self:?} of {operands} operands into {:?} is for CUDA devices",
                output.shape()
            );
        }
    }
}
