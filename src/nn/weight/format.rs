//! Compact formats of frozen weights, and the numbers that they stand for.

use half::{bf16, f16};

use crate::nn::cpu::{Real, vectorised};

/// How numbers are stored in bytes, one block after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// A number each, of 16 bits.
    Bf16,
    /// A number each, of 16 bits.
    F16,
    /// ggml's `Q8_0`: a scale (f16) and 32 whole numbers of 8 bits.
    Q8_0,
    /// ggml's `Q4_K`: two scales (f16) for a scale and a minimum of 6 bits for each of 8 times 32 whole numbers of 4 bits.
    Q4K,
}

impl Format {
    /// Its name, in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
            Self::Q8_0 => "q8_0",
            Self::Q4K => "q4_k",
        }
    }

    /// Numbers in a block.
    #[must_use]
    pub const fn numbers(self) -> usize {
        match self {
            Self::Bf16 | Self::F16 => 1,
            Self::Q8_0 => 32,
            Self::Q4K => 256,
        }
    }

    /// Bytes of a block.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Bf16 | Self::F16 => 2,
            Self::Q8_0 => 34,
            Self::Q4K => 144,
        }
    }

    /// Bytes of so many numbers; `None` if they are not whole blocks.
    #[must_use]
    pub const fn bytes_of(self, numbers: usize) -> Option<usize> {
        if numbers.is_multiple_of(self.numbers()) {
            Some(numbers / self.numbers() * self.bytes())
        } else {
            None
        }
    }

    /// Writes the `out.len()` numbers from number `from` on, of all that `bytes` holds.
    ///
    /// # Panics
    /// If there are fewer, which would be a bug in this crate.
    pub fn unpack<T: Real>(self, bytes: &[u8], from: usize, out: &mut [T]) {
        let size = self.numbers();
        let (within, first) = (from % size, from / size);
        let whole = if within == 0 { out.len() / size * size } else { 0 };
        let (out, rest) = out.split_at_mut(whole);
        let blocks = &bytes[first * self.bytes()..];
        vectorised(|| match self {
            Self::Bf16 => of_pairs(blocks, out, |pair| bf16::from_le_bytes(pair).to_f32()),
            Self::F16 => of_pairs(blocks, out, |pair| f16::from_le_bytes(pair).to_f32()),
            Self::Q8_0 => each::<T, 34>(blocks, size, out, q8_0),
            Self::Q4K => each::<T, 144>(blocks, size, out, q4_k),
        });
        if !rest.is_empty() {
            let blocks = (within + rest.len()).div_ceil(size);
            let mut all = vec![T::of(0.0); blocks * size];
            self.unpack(bytes, from - within + whole, &mut all);
            rest.copy_from_slice(&all[within..][..rest.len()]);
        }
    }
}

#[inline(always)]
fn of_pairs<T: Real>(bytes: &[u8], out: &mut [T], number: impl Fn([u8; 2]) -> f32) {
    for (out, &pair) in out.iter_mut().zip(bytes.as_chunks::<2>().0) {
        *out = T::of(f64::from(number(pair)));
    }
}

#[inline(always)]
fn each<T: Real, const BYTES: usize>(
    bytes: &[u8],
    size: usize,
    out: &mut [T],
    unpack: impl Fn(&[u8; BYTES], &mut [T]),
) {
    for (out, block) in out.chunks_exact_mut(size).zip(bytes.as_chunks::<BYTES>().0) {
        unpack(block, out);
    }
}

/// The f16 number at byte `at`.
#[inline(always)]
fn half(block: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}

/// ggml's `dequantize_row_q8_0`: the scale times each whole number.
#[inline(always)]
fn q8_0<T: Real>(block: &[u8; 34], out: &mut [T]) {
    let scale = half(block, 0);
    for (out, &number) in out.iter_mut().zip(&block[2..]) {
        *out = T::of(f64::from(scale * f32::from(number as i8)));
    }
}

/// ggml's `dequantize_row_q4_K`: of each 64 numbers the first 32 are the bytes' low halves, the others the high ones.
#[inline(always)]
fn q4_k<T: Real>(block: &[u8; 144], out: &mut [T]) {
    let (scale, least) = (half(block, 0), half(block, 2));
    let (scales, numbers) = block[4..].split_at(12);
    for (n, (out, numbers)) in out.chunks_exact_mut(64).zip(numbers.chunks_exact(32)).enumerate() {
        let (low, high) = out.split_at_mut(32);
        for (part, (out, shift)) in [(low, 0), (high, 4)].into_iter().enumerate() {
            let (of_scale, of_least) = six_bits(scales, 2 * n + part);
            let (scale, least) = (scale * f32::from(of_scale), least * f32::from(of_least));
            for (out, &byte) in out.iter_mut().zip(numbers) {
                *out = T::of(f64::from(scale * f32::from(byte >> shift & 15) - least));
            }
        }
    }
}

/// The scale and the minimum of the 32 numbers `part` of 8.
#[inline(always)]
fn six_bits(packed: &[u8], part: usize) -> (u8, u8) {
    if part < 4 {
        return (packed[part] & 63, packed[part + 4] & 63);
    }
    let rest = packed[part + 4];
    (
        rest & 15 | packed[part - 4] >> 6 << 4,
        rest >> 4 | packed[part] >> 6 << 4,
    )
}
