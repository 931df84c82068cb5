//! One block of a vision tower: attention and a feed-forward network, each behind a norm and onto a residual.

use candle_core::{Result, Tensor};

use crate::nn::{LayerNorm, Linear, RmsNorm, Rotary, activation};

/// The block's parameters.
#[derive(Clone, Debug)]
pub struct Block {
    pub norm1: Norm,
    pub norm2: Norm,
    pub qkv: Qkv,
    pub proj: Linear,
    pub mlp: Mlp,
    pub heads: usize,
}

#[derive(Clone, Debug)]
pub enum Norm {
    Layer(LayerNorm),
    Rms(RmsNorm),
}

/// The projections to queries, keys and values: one layer, or three.
#[derive(Clone, Debug)]
pub enum Qkv {
    Joined(Linear),
    Apart(Box<[Linear; 3]>),
}

#[derive(Clone, Debug)]
pub enum Mlp {
    Plain {
        first: Linear,
        second: Linear,
        activation: Activation,
    },
    /// `down(silu(gate(x)) * up(x))`
    Gated { gate: Linear, up: Linear, down: Linear },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `x sigmoid(1.702 x)`
    QuickGelu,
    /// With the tangent in the error function's place.
    TanhGelu,
}

impl Block {
    /// `x` `[images, patches, width]` to the same shape. `attend` computes attention of queries, keys and values
    /// `[images, patches, heads, width / heads]`, which are rotated before where angles are given.
    ///
    /// # Errors
    /// Where shapes do not fit or the device fails.
    pub fn forward(
        &self,
        x: &Tensor,
        rotary: Option<&Rotary>,
        attend: impl FnOnce(&Tensor, &Tensor, &Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let [q, k, v] = self.projected(&self.norm1.forward(x)?)?;
        let (q, k) = match rotary {
            Some(rotary) => (rotary.apply(&q)?, rotary.apply(&k)?),
            None => (q, k),
        };
        let seen = attend(&q, &k, &v)?;
        let x = self.proj.forward_onto(&seen, x)?;
        self.mlp.forward_onto(&self.norm2.forward(&x)?, &x)
    }

    fn projected(&self, x: &Tensor) -> Result<[Tensor; 3]> {
        let (images, patches, width) = x.dims3()?;
        let heads = (images, patches, self.heads, width / self.heads);
        match &self.qkv {
            Qkv::Joined(linear) => {
                let qkv = linear.forward(x)?;
                let part = |i: usize| qkv.narrow(2, i * width, width)?.reshape(heads);
                Ok([part(0)?, part(1)?, part(2)?])
            }
            Qkv::Apart(linears) => {
                let part = |i: usize| linears[i].forward(x)?.reshape(heads);
                Ok([part(0)?, part(1)?, part(2)?])
            }
        }
    }
}

impl Norm {
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Layer(norm) => norm.forward(x),
            Self::Rms(norm) => norm.forward(x),
        }
    }
}

impl Mlp {
    fn forward_onto(&self, x: &Tensor, residual: &Tensor) -> Result<Tensor> {
        match self {
            Self::Plain {
                first,
                second,
                activation,
            } => {
                let wide = first.forward(x)?;
                let wide = match activation {
                    Activation::QuickGelu => activation::quick_gelu(&wide)?,
                    Activation::TanhGelu => activation::tanh_gelu(&wide)?,
                };
                second.forward_onto(&wide, residual)
            }
            Self::Gated { gate, up, down } => {
                let wide = activation::swiglu(&gate.forward(x)?, &up.forward(x)?)?;
                down.forward_onto(&wide, residual)
            }
        }
    }
}
