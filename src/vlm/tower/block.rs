//! One block of a vision tower: attention and a feed-forward network, each with a norm before it and a residual
//! connection.

use candle_core::{Result, Tensor};

use super::{GridSizes, layer_norm};
use crate::nn::attention::parts;
use crate::nn::{LayerNorm, Linear, Mask, RmsNorm, Rotary, activation, joined_attention, rotated_attention};
use crate::vlm::Scope;

/// The epsilon of all norms in towers over a grid.
const GRID_EPS: f64 = 1e-6;

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

/// A norm of either kind.
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

/// The feed-forward network.
#[derive(Clone, Debug)]
pub enum Mlp {
    /// `second(activation(first(x)))`
    Plain {
        first: Linear,
        second: Linear,
        activation: Activation,
    },
    /// `down(silu(gate(x)) * up(x))`
    Gated { gate: Linear, up: Linear, down: Linear },
}

/// The activation of a plain feed-forward network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `x sigmoid(1.702 x)`
    QuickGelu,
    /// GELU's tanh approximation: `0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`.
    TanhGelu,
}

impl Block {
    /// A block of a tower over a grid: reads `norm1`, `norm2`, `attn.qkv` and `attn.proj` below `scope`; `mlp` is
    /// given.
    ///
    /// # Errors
    /// Where a parameter is missing or of another shape.
    pub fn of_grid(
        sizes: &GridSizes,
        scope: &Scope,
        norm: impl Fn(&Scope, usize) -> Result<Norm>,
        mlp: Mlp,
    ) -> Result<Self> {
        let width = sizes.width;
        Ok(Self {
            norm1: norm(&scope.at("norm1"), width)?,
            norm2: norm(&scope.at("norm2"), width)?,
            qkv: Qkv::Joined(scope.at("attn.qkv").linear(3 * width, width, true)?),
            proj: scope.at("attn.proj").linear(width, width, true)?,
            mlp,
            heads: sizes.num_heads,
        })
    }

    /// Maps `x` `[images, patches, width]` to the same shape. `attend` computes the attention.
    ///
    /// # Errors
    /// Where shapes do not fit or the device fails.
    pub fn forward(&self, x: &Tensor, attend: impl FnOnce(&Attended<'_>) -> Result<Tensor>) -> Result<Tensor> {
        let seen = attend(&Attended {
            block: self,
            x: self.norm1.forward(x)?,
        })?;
        let x = self.proj.forward_onto(&seen, x)?;
        self.mlp.forward_onto(&self.norm2.forward(&x)?, &x)
    }
}

/// What a block attends to: its normed input.
pub struct Attended<'a> {
    block: &'a Block,
    x: Tensor,
}

impl Attended<'_> {
    /// Queries, keys and values `[images, patches, heads, width / heads]`.
    ///
    /// # Errors
    /// Where shapes do not fit or the device fails.
    pub fn parts(&self) -> Result<[Tensor; 3]> {
        let (images, patches, width) = self.x.dims3()?;
        let heads = self.block.heads;
        match &self.block.qkv {
            Qkv::Joined(linear) => parts(&linear.forward(&self.x)?, heads),
            Qkv::Apart(linears) => {
                let dims = (images, patches, heads, width / heads);
                let part = |i: usize| linears[i].forward(&self.x)?.reshape(dims);
                Ok([part(0)?, part(1)?, part(2)?])
            }
        }
    }

    /// Attention `[images, patches, width]` of the parts, the former two of which are rotated if angles are given.
    ///
    /// # Errors
    /// As [`Self::parts`].
    pub fn attention(&self, rotary: Option<&Rotary>, mask: &Mask) -> Result<Tensor> {
        match &self.block.qkv {
            Qkv::Joined(linear) => joined_attention((linear, self.block.heads), &self.x, rotary, mask),
            Qkv::Apart(_) => {
                let [q, k, v] = self.parts()?;
                rotated_attention((&q, &k, &v), rotary, mask)
            }
        }
    }
}

impl Norm {
    /// The layer norm at `scope` of a tower over a grid.
    ///
    /// # Errors
    /// Where a parameter is missing or of another shape.
    pub fn layer(scope: &Scope, width: usize) -> Result<Self> {
        layer_norm(scope, width, GRID_EPS).map(Self::Layer)
    }

    /// The RMS norm at `scope` of a tower over a grid.
    ///
    /// # Errors
    /// As [`Self::layer`].
    pub fn rms(scope: &Scope, width: usize) -> Result<Self> {
        scope.rms_norm(width, GRID_EPS).map(Self::Rms)
    }

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
                let wide = match activation {
                    Activation::QuickGelu => activation::quick_gelu_of(first, x)?,
                    Activation::TanhGelu => activation::tanh_gelu_of(first, x)?,
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
