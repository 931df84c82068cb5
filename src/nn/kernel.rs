//! What the fused CPU operations share: number types, contiguous views, and one matrix product.

use std::iter::Sum;

use candle_core::{CpuStorage, DType, Layout, Result, Storage, Tensor, WithDType, bail};

use super::buffer::Spares;
use super::cuda;

/// f32 or f64: the types in which the fused CPU operations compute.
pub trait Real: WithDType + Sum {
    fn exp(self) -> Self;
    fn sqrt(self) -> Self;
    fn of(value: f64) -> Self {
        Self::from_f64(value)
    }
    /// The pool that its buffers come from and return to.
    fn spares() -> &'static Spares<Self>;
}

impl Real for f32 {
    /// Cephes' polynomial, accurate to 2 units in the last place. It has no branches, so that the compiler vectorises
    /// it (the library's `expf` is one call per element and took a third of a training step).
    #[inline(always)]
    fn exp(self) -> Self {
        const ROUND: f32 = 12_582_912.0;
        let x = self.clamp(-87.0, 88.0);
        let shifted = x * std::f32::consts::LOG2_E + ROUND;
        let n = shifted - ROUND;
        let r = x - n * (355.0 / 512.0) + n * 2.121_944_4e-4;
        let p = ((((1.987_569_1e-4 * r + 1.398_2e-3) * r + 8.333_452e-3) * r + 4.166_579_6e-2) * r + 0.166_666_65) * r
            + 0.5;
        let power = (shifted.to_bits() as i32 - ROUND.to_bits() as i32 + 127) << 23;
        let value = (p * r * r + r + 1.0) * f32::from_bits(power as u32);
        if self < -87.0 { 0.0 } else { value }
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        f32::sqrt(self)
    }
    fn spares() -> &'static Spares<Self> {
        static SPARES: Spares<f32> = Spares::new();
        &SPARES
    }
}

impl Real for f64 {
    #[inline(always)]
    fn exp(self) -> Self {
        f64::exp(self)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        f64::sqrt(self)
    }
    fn spares() -> &'static Spares<Self> {
        static SPARES: Spares<f64> = Spares::new();
        &SPARES
    }
}

/// Runs `f` with the widest vector instructions of the processor; code inlined into `f` is compiled for them, too. The
/// results are bit-identical, because no operations are fused or reordered.
#[inline(always)]
pub fn vectorised<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}

/// Number of partial results in a reduction: the latency of each addition limits a single running sum.
const LANES: usize = 16;

#[inline(always)]
fn reduce<T: Real>(x: &[T], start: T, step: impl Fn(T, T) -> T) -> T {
    let mut lanes = [start; LANES];
    let chunks = x.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = step(*lane, x);
        }
    }
    lanes.into_iter().chain(rest.iter().copied()).fold(start, step)
}

/// The sum of the elements.
#[inline(always)]
pub fn sum<T: Real>(x: &[T]) -> T {
    reduce(x, T::of(0.0), |a, b| a + b)
}

/// The sum of `f` of the elements.
#[inline(always)]
pub fn sum_of<T: Real>(x: &[T], f: impl Fn(T) -> T) -> T {
    let mut lanes = [T::of(0.0); LANES];
    let chunks = x.chunks_exact(LANES);
    let rest: T = chunks.remainder().iter().map(|&x| f(x)).sum();
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane += f(x);
        }
    }
    lanes.into_iter().sum::<T>() + rest
}

/// The largest element, or `floor` where all are smaller.
#[inline(always)]
pub fn max<T: Real>(x: &[T], floor: T) -> T {
    reduce(x, floor, |a, b| if b > a { b } else { a })
}

/// The sum of the products of the elements of two slices of one length.
#[inline(always)]
pub fn dot<T: Real>(a: &[T], b: &[T]) -> T {
    let mut lanes = [T::of(0.0); LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = a.remainder().iter().zip(b.remainder());
    let rest: T = rest.map(|(&a, &b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for ((lane, &a), &b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    lanes.into_iter().sum::<T>() + rest
}

/// The sum of the products of the elements of three slices of one length.
#[inline(always)]
pub fn dot3<T: Real>(a: &[T], b: &[T], c: &[T]) -> T {
    let mut lanes = [T::of(0.0); LANES];
    let (a, b, c) = (a.chunks_exact(LANES), b.chunks_exact(LANES), c.chunks_exact(LANES));
    let rest = a.remainder().iter().zip(b.remainder()).zip(c.remainder());
    let rest: T = rest.map(|((&a, &b), &c)| a * b * c).sum();
    for ((a, b), c) in a.zip(b).zip(c) {
        for (((lane, &a), &b), &c) in lanes.iter_mut().zip(a).zip(b).zip(c) {
            *lane += a * b * c;
        }
    }
    lanes.into_iter().sum::<T>() + rest
}

/// Whether the fused CPU form supports this tensor.
pub fn is_fused(x: &Tensor) -> bool {
    x.device().is_cpu() && matches!(x.dtype(), DType::F32 | DType::F64) && !cuda::is_emulated()
}

/// The elements of a contiguous CPU operand.
pub fn slice<'a, T: Real>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [T]> {
    match layout.contiguous_offsets() {
        Some((from, to)) => Ok(&T::cpu_storage_as_slice(storage)?[from..to]),
        None => bail!("a fused operation needs contiguous operands, not {layout:?}"),
    }
}

/// Runs `f` on the elements of contiguous CPU tensors.
pub fn with_slices<T: Real, R>(tensors: &[&Tensor], f: impl FnOnce(&[&[T]]) -> Result<R>) -> Result<R> {
    let guards: Vec<_> = tensors.iter().map(|tensor| tensor.storage_and_layout()).collect();
    let slices = guards
        .iter()
        .map(|(storage, layout)| match &**storage {
            Storage::Cpu(storage) => slice::<T>(storage, layout),
            _ => bail!("a fused operation needs CPU operands"),
        })
        .collect::<Result<Vec<_>>>()?;
    f(&slices)
}

/// A strided matrix inside a slice: element `(row, column)` lies at `row * stride + column`.
#[derive(Clone, Copy)]
pub struct Matrix<'a, T> {
    pub data: &'a [T],
    pub rows: usize,
    pub columns: usize,
    pub stride: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// A matrix whose rows lie one after another.
    pub fn contiguous(data: &'a [T], rows: usize, columns: usize) -> Self {
        Self {
            data,
            rows,
            columns,
            stride: columns,
        }
    }

    /// `count` rows from `from` on.
    pub fn rows_from(self, from: usize, count: usize) -> Self {
        let data = &self.data[(from * self.stride).min(self.data.len())..];
        Self {
            data,
            rows: count,
            ..self
        }
    }

    /// The elements of a row.
    pub fn row(&self, row: usize) -> &'a [T] {
        &self.data[row * self.stride..][..self.columns]
    }

    fn holds(&self) -> bool {
        self.rows == 0
            || self.columns == 0
            || (self.columns <= self.stride && (self.rows - 1) * self.stride + self.columns <= self.data.len())
    }
}

/// Which threads compute a product.
#[derive(Clone, Copy)]
pub enum Hands {
    /// The calling thread alone, because other threads compute their own products at the same time.
    One,
    /// All threads of the pool.
    All,
}

/// `out[m, n] (+)= scale * op(a) op(b)`, where `op` transposes if requested.
///
/// # Panics
/// If the shapes do not match one another or the slices, which would be a bug in this crate.
pub fn matrix_product<T: Real>(
    out: &mut [T],
    out_stride: usize,
    (accumulate, scale, hands): (bool, T, Hands),
    (a, transpose_a): (Matrix<'_, T>, bool),
    (b, transpose_b): (Matrix<'_, T>, bool),
) {
    let (m, k) = if transpose_a {
        (a.columns, a.rows)
    } else {
        (a.rows, a.columns)
    };
    let (k_b, n) = if transpose_b {
        (b.columns, b.rows)
    } else {
        (b.rows, b.columns)
    };
    assert!(
        a.holds() && b.holds() && k == k_b && n <= out_stride,
        "shapes of a matrix product"
    );
    if m == 0 || n == 0 {
        return;
    }
    assert!(
        (m - 1) * out_stride + n <= out.len(),
        "the product's place is too small"
    );
    let strides = |matrix: &Matrix<'_, T>, transposed: bool| {
        let stride = matrix.stride as isize;
        if transposed { (stride, 1) } else { (1, stride) }
    };
    let (a_column, a_row) = strides(&a, transpose_a);
    let (b_column, b_row) = strides(&b, transpose_b);
    // SAFETY: the assertions above keep every index that gemm forms from these shapes and strides inside the slices,
    // and `out` is borrowed mutably.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            out_stride as isize,
            accumulate,
            a.data.as_ptr(),
            a_column,
            a_row,
            b.data.as_ptr(),
            b_column,
            b_row,
            T::of(1.0),
            scale,
            false,
            false,
            false,
            match hands {
                Hands::One => gemm::Parallelism::None,
                Hands::All => gemm::Parallelism::Rayon(rayon::current_num_threads()),
            },
        );
    }
}
