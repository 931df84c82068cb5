//! The layer's parameters as slices, and the operations that apply them to some rows.

use candle_core::{Result, Tensor, bail};

use super::parameters::DecoderLayer;
use crate::nn::Weight;
use crate::nn::cpu::{Buffer, Matrix, Real, Threads, matrix_product, with_slices};

/// The sizes of a layer.
#[derive(Clone, Copy, Debug)]
pub struct Widths {
    pub hidden: usize,
    /// The width of gate and up.
    pub wide: usize,
    pub head: usize,
    /// Query heads.
    pub heads: usize,
    /// Heads of keys and values.
    pub kv_heads: usize,
}

impl Widths {
    /// The width of a token's queries.
    pub fn q(&self) -> usize {
        self.heads * self.head
    }

    /// The width of a token's keys, and of its values.
    pub fn kv(&self) -> usize {
        self.kv_heads * self.head
    }
}

/// A frozen linear layer.
#[derive(Clone, Copy)]
pub struct Dense<'a, T> {
    /// `[out, in]`
    weight: Matrix<'a, T>,
    bias: Option<&'a [T]>,
}

/// An RMS norm's weight and epsilon.
pub type Norm<'a, T> = (&'a [T], f64);

/// All of a layer's parameters.
pub struct Weights<'a, T> {
    pub widths: Widths,
    /// The weight `[hidden]`, and epsilon.
    pub input_norm: Norm<'a, T>,
    pub attention_norm: Norm<'a, T>,
    pub q: Dense<'a, T>,
    pub k: Dense<'a, T>,
    pub v: Dense<'a, T>,
    /// The weight `[head]`, and epsilon.
    pub q_norm: Option<Norm<'a, T>>,
    pub k_norm: Option<Norm<'a, T>>,
    pub o: Dense<'a, T>,
    pub gate: Dense<'a, T>,
    pub up: Dense<'a, T>,
    pub down: Dense<'a, T>,
}

impl<'a, T: Real> Dense<'a, T> {
    fn new(weight: &'a [T], bias: Option<&'a [T]>, out: usize) -> Self {
        let weight = Matrix::contiguous(weight, out, weight.len() / out);
        Self { weight, bias }
    }

    /// The width of its output.
    pub fn width(&self) -> usize {
        self.weight.rows
    }

    /// `y = x W^T + b`, from rows `x` `[rows, in]` to `y` `[rows, out]`.
    pub fn forward(&self, x: &[T], y: &mut [T]) {
        if let Some(bias) = self.bias {
            y.chunks_mut(bias.len()).for_each(|row| row.copy_from_slice(bias));
        }
        self.product(x, y, self.bias.is_some());
    }

    /// `y += x W^T`; the layer has no bias.
    pub fn forward_onto(&self, x: &[T], y: &mut [T]) {
        self.product(x, y, true);
    }

    fn product(&self, x: &[T], y: &mut [T], onto: bool) {
        let (out, input) = (self.weight.rows, self.weight.columns);
        let x = Matrix::contiguous(x, x.len() / input, input);
        let how = (onto, T::of(1.0), Threads::One);
        matrix_product(y, out, how, (x, false), (self.weight, true));
    }

    /// `dx = dy W`, or with `onto` `dx += dy W`.
    pub fn backward(&self, dy: &[T], dx: &mut [T], onto: bool) {
        let (out, input) = (self.weight.rows, self.weight.columns);
        let dy = Matrix::contiguous(dy, dy.len() / out, out);
        let how = (onto, T::of(1.0), Threads::One);
        matrix_product(dx, input, how, (dy, false), (self.weight, false));
    }
}

/// Calls `f` with the parameters of `layer` and the elements of `others`.
pub fn with_weights<T: Real, R>(
    layer: &DecoderLayer,
    others: &[&Tensor],
    f: impl FnOnce(&Weights<'_, T>, &[&[T]]) -> Result<R>,
) -> Result<R> {
    let linears = [
        &layer.q,
        &layer.k,
        &layer.v,
        &layer.o,
        &layer.gate,
        &layer.up,
        &layer.down,
    ];
    let biased = &linears[..3];
    let head_norms = layer.head_norms.as_ref();
    let norms = [
        Some(&layer.input_norm),
        Some(&layer.attention_norm),
        head_norms.map(|norms| &norms.q),
        head_norms.map(|norms| &norms.k),
    ];
    let mut tensors = Vec::new();
    // The whole layer is unpacked, because each task passes its rows through all of its weights.
    let mut unpacked: [Option<Buffer<T>>; 7] = [const { None }; 7];
    for (linear, unpacked) in linears.iter().zip(&mut unpacked) {
        match linear.weight() {
            Weight::Dense(weight) => tensors.push(weight),
            Weight::Packed(packed) => *unpacked = Some(packed.buffer()?),
        }
    }
    tensors.extend(biased.iter().filter_map(|linear| linear.bias()));
    tensors.extend(norms.iter().flatten().map(|norm| norm.weight()));
    let own = tensors.len();
    tensors.extend(others);
    with_slices::<T, _>(&tensors, |slices| {
        let (own, others) = slices.split_at(own);
        let mut own = own.iter().copied();
        let mut next = || own.next().unwrap_or_default();
        let [q, k, v, o, gate, up, down]: [&[T]; 7] =
            std::array::from_fn(|i| unpacked[i].as_deref().unwrap_or_else(&mut next));
        let [q_bias, k_bias, v_bias] = [&layer.q, &layer.k, &layer.v].map(|linear| linear.bias().map(|_| next()));
        let [input_norm, attention_norm, q_norm, k_norm] = norms.map(|norm| norm.map(|norm| (next(), norm.eps())));
        let (Some(input_norm), Some(attention_norm)) = (input_norm, attention_norm) else {
            bail!("a fused layer has two norms");
        };
        let (hidden, head) = (input_norm.0.len(), layer.head_dim()?);
        let wide = gate.len() / hidden;
        let widths = Widths {
            hidden,
            wide,
            head,
            heads: layer.heads.0,
            kv_heads: layer.heads.1,
        };
        let weights = Weights {
            widths,
            input_norm,
            attention_norm,
            q: Dense::new(q, q_bias, widths.q()),
            k: Dense::new(k, k_bias, widths.kv()),
            v: Dense::new(v, v_bias, widths.kv()),
            q_norm,
            k_norm,
            o: Dense::new(o, None, hidden),
            gate: Dense::new(gate, None, wide),
            up: Dense::new(up, None, wide),
            down: Dense::new(down, None, hidden),
        };
        f(&weights, others)
    })
}
