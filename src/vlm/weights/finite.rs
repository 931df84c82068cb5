//! Checks that stored numbers are finite, in place, before they are converted.

use half::{bf16, f16};
use rayon::prelude::*;
use safetensors::Dtype;

/// Bytes that a thread examines at a time: they fit into its cache.
const PIECE: usize = 1 << 18;

/// The index and value of the first element of little-endian `bytes` that is NaN, infinite, or beyond `most` on either
/// side. `None` for formats that are not floats.
#[must_use]
pub fn first_not_finite(bytes: &[u8], dtype: Dtype, most: f64) -> Option<(usize, f64)> {
    match dtype {
        Dtype::BF16 => {
            let value = |b: [u8; 2]| f32::from_bits(u32::from(u16::from_le_bytes(b)) << 16);
            first(
                bytes,
                |b| odd(value(b), most as f32),
                |b| bf16::from_le_bytes(b).to_f64(),
            )
        }
        // No finite f16 number exceeds any limit in use.
        Dtype::F16 => first(bytes, |b| b[1] & 0x7C == 0x7C, |b| f16::from_le_bytes(b).to_f64()),
        Dtype::F32 => first(
            bytes,
            |b| odd(f32::from_le_bytes(b), most as f32),
            |b| f64::from(f32::from_le_bytes(b)),
        ),
        Dtype::F64 => first(
            bytes,
            |b| {
                let value = f64::from_le_bytes(b);
                value.is_nan() || value.abs() > most
            },
            f64::from_le_bytes,
        ),
        _ => None,
    }
}

/// The same check for numbers in memory.
#[must_use]
pub fn first_not_finite_of(numbers: &[f32], most: f64) -> Option<(usize, f64)> {
    let place = numbers.par_iter().position_first(|number| odd(*number, most as f32))?;
    Some((place, f64::from(numbers[place])))
}

fn odd(value: f32, most: f32) -> bool {
    value.is_nan() | (value.abs() > most)
}

fn first<const N: usize>(
    bytes: &[u8],
    is_odd: impl Fn([u8; N]) -> bool + Sync,
    value: impl Fn([u8; N]) -> f64,
) -> Option<(usize, f64)> {
    let (elements, _) = bytes.as_chunks::<N>();
    // No branch per element, so that the compiler vectorises the loop.
    let has_one = |piece: &[[u8; N]]| piece.iter().fold(false, |any, element| any | is_odd(*element));
    let piece = PIECE / N;
    let (number, found) = elements
        .par_chunks(piece)
        .enumerate()
        .find_first(|(_, chunk)| has_one(chunk))?;
    let within = found.iter().position(|element| is_odd(*element))?;
    Some((number * piece + within, value(found[within])))
}

#[cfg(test)]
mod tests {
    use half::{bf16, f16};
    use safetensors::Dtype;

    use super::{PIECE, first_not_finite};

    #[test]
    fn the_first_non_finite_number_is_found_in_each_format() {
        let n = 2 * PIECE;
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for at in [0, 1, PIECE / 2 - 1, n - 1] {
                let value = |i: usize| {
                    if i == at || i == n - 1 {
                        odd
                    } else {
                        (i % 100) as f64 - 50.0
                    }
                };
                let bytes = |dtype: Dtype| -> Vec<u8> {
                    match dtype {
                        Dtype::BF16 => (0..n).flat_map(|i| bf16::from_f64(value(i)).to_le_bytes()).collect(),
                        Dtype::F16 => (0..n).flat_map(|i| f16::from_f64(value(i)).to_le_bytes()).collect(),
                        Dtype::F32 => (0..n).flat_map(|i| (value(i) as f32).to_le_bytes()).collect(),
                        _ => (0..n).flat_map(|i| value(i).to_le_bytes()).collect(),
                    }
                };
                for dtype in [Dtype::BF16, Dtype::F16, Dtype::F32, Dtype::F64] {
                    let (place, found) = first_not_finite(&bytes(dtype), dtype, 1e30).unwrap();
                    assert_eq!(place, at, "{dtype:?}");
                    assert!(found.total_cmp(&odd).is_eq() || found.is_nan() && odd.is_nan());
                }
            }
        }
    }

    #[test]
    fn numbers_that_overflow_the_target_format_are_found() {
        let bytes: Vec<u8> = [1.0f32, -70_000.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        assert_eq!(first_not_finite(&bytes, Dtype::F32, 65_504.0), Some((1, -70_000.0)));
        assert_eq!(first_not_finite(&bytes, Dtype::F32, f64::from(f32::MAX)), None);
        assert_eq!(
            first_not_finite(&1e300f64.to_le_bytes(), Dtype::F64, f64::from(f32::MAX)),
            Some((0, 1e300))
        );
        assert_eq!(first_not_finite(&[0xFF; 16], Dtype::U8, 1.0), None);
    }
}
