//! The number types of the fused CPU operations, and reductions over slices of them.

use std::iter::Sum;

use candle_core::WithDType;

use super::spares::Spares;

/// f32 or f64: the types in which the fused CPU operations compute.
pub trait Real: WithDType + Sum {
    #[must_use]
    fn exp(self) -> Self;
    #[must_use]
    fn sqrt(self) -> Self;
    #[must_use]
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
