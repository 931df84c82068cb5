//! FP8 weights (E4M3, the variant without infinities) and their scales.
//!
//! A scale belongs to the whole weight, to each of its rows or to blocks of it (`weight_scale` of compressed-tensors,
//! ModelOpt and FBGEMM; `weight_scale_inv` of transformers' block-wise FP8, which is multiplied as well).

use rayon::prelude::*;

/// How the elements of a weight `[rows, columns]` share scales.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScaleLayout {
    Whole,
    /// One scale per row.
    Rows,
    /// One scale per block of so many rows and columns.
    Blocks([usize; 2]),
}

/// How scales of this shape belong to a weight of that shape; `block` is config.json's value.
///
/// # Errors
/// A message if the shapes do not match.
pub fn shared(weight: &[usize], scale: &[usize], block: Option<[usize; 2]>) -> Result<ScaleLayout, String> {
    let [rows, columns] = *weight else {
        return Err(format!("it has shape {weight:?}, and a matrix was expected"));
    };
    if let Some(block @ [high, wide]) = block
        && high > 0
        && wide > 0
        && *scale == [rows.div_ceil(high), columns.div_ceil(wide)]
    {
        return Ok(ScaleLayout::Blocks(block));
    }
    match scale {
        [] | [1] | [1, 1] => Ok(ScaleLayout::Whole),
        [n] | [n, 1] if *n == rows => Ok(ScaleLayout::Rows),
        _ => Err(match block {
            Some(block) => format!("they have shape {scale:?}, which is not that of blocks {block:?} of {weight:?}"),
            None => format!(
                "they have shape {scale:?} for a weight {weight:?}, and config.json names no `weight_block_size`"
            ),
        }),
    }
}

/// The values `[rows, columns]`: each code times its scale, rounded once to f32.
#[must_use]
pub fn numbers(codes: &[u8], columns: usize, scales: &[f32], shared: ScaleLayout) -> Vec<f32> {
    let table: Vec<f32> = (0..=u8::MAX).map(number).collect();
    let mut numbers = vec![0.0; codes.len()];
    let columns = columns.max(1);
    let rows = numbers
        .par_chunks_mut(columns)
        .zip(codes.par_chunks(columns))
        .enumerate();
    rows.for_each(|(row, (numbers, codes))| {
        for (column, (number, code)) in numbers.iter_mut().zip(codes).enumerate() {
            let place = match shared {
                ScaleLayout::Whole => 0,
                ScaleLayout::Rows => row,
                ScaleLayout::Blocks([high, wide]) => row / high * columns.div_ceil(wide) + column / wide,
            };
            *number = table[usize::from(*code)] * scales[place];
        }
    });
    numbers
}

/// The value of a code: sign, four exponent bits, three fraction bits. All ones is NaN; there are no infinities.
fn number(code: u8) -> f32 {
    let (exponent, fraction) = (i32::from(code >> 3 & 15), f32::from(code & 7) / 8.0);
    let size = match (exponent, code & 7) {
        (15, 7) => f32::NAN,
        (0, _) => fraction * 2f32.powi(-6),
        _ => (1.0 + fraction) * 2f32.powi(exponent - 7),
    };
    if code >> 7 == 1 { -size } else { size }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};

    use super::{ScaleLayout, number, numbers, shared};

    #[test]
    fn codes_have_the_values_of_the_format() {
        // The largest, the smallest, and one, as the format's definition gives them.
        assert_eq!([0x7E, 0x01, 0x38, 0xB8].map(number), [448.0, 2f32.powi(-9), 1.0, -1.0]);
        assert!(number(0x7F).is_nan() && number(0xFF).is_nan());
        let all: Vec<f32> = (0..=u8::MAX).map(number).filter(|x| !x.is_nan()).collect();
        let tensor = Tensor::new(all.as_slice(), &Device::Cpu).unwrap();
        let there = tensor.to_dtype(DType::F8E4M3).unwrap().to_dtype(DType::F32).unwrap();
        assert_eq!(there.to_vec1::<f32>().unwrap(), all);
    }

    #[test]
    fn scales_are_per_tensor_per_row_or_per_block() {
        for (scale, block, found) in [
            (&[][..], None, Ok(ScaleLayout::Whole)),
            (&[1], None, Ok(ScaleLayout::Whole)),
            (&[4], None, Ok(ScaleLayout::Rows)),
            (&[4, 1], None, Ok(ScaleLayout::Rows)),
            (&[2, 2], Some([2, 4]), Ok(ScaleLayout::Blocks([2, 4]))),
            (&[1, 1], Some([128, 128]), Ok(ScaleLayout::Blocks([128, 128]))),
            (&[2, 2], None, Err("weight_block_size")),
            (&[6], None, Err("shape [6]")),
            (&[2, 2], Some([0, 4]), Err("blocks")),
        ] {
            let got = shared(&[4, 6], scale, block);
            match found {
                Ok(wanted) => assert_eq!(got, Ok(wanted), "{scale:?}"),
                Err(said) => assert!(got.unwrap_err().contains(said), "{scale:?}"),
            }
        }
        assert!(shared(&[4], &[1], None).is_err());
    }

    #[test]
    fn each_code_is_multiplied_by_its_own_scale() {
        // One, two; three rows of three columns.
        let codes = [0x38, 0x38, 0x40, 0x38, 0x38, 0x40, 0x38, 0x38, 0x40];
        let of = |scales: &[f32], shared| numbers(&codes, 3, scales, shared);
        assert_eq!(
            of(&[0.5], ScaleLayout::Whole),
            [0.5, 0.5, 1.0, 0.5, 0.5, 1.0, 0.5, 0.5, 1.0]
        );
        assert_eq!(
            of(&[1.0, 2.0, 3.0], ScaleLayout::Rows),
            [1.0, 1.0, 2.0, 2.0, 2.0, 4.0, 3.0, 3.0, 6.0]
        );
        assert_eq!(
            of(&[1.0, 2.0, 3.0, 4.0], ScaleLayout::Blocks([2, 2])),
            [1.0, 1.0, 4.0, 1.0, 1.0, 4.0, 3.0, 3.0, 8.0]
        );
    }
}
