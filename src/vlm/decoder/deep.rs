//! Features that the vision tower adds to the language model's first layers (DeepStack, Qwen3-VL).

use candle_core::{Result, Tensor};

/// Rows to be added to some rows of a batch: one matrix for each of the first layers.
#[derive(Clone, Debug)]
pub struct DeepRows {
    /// `[rows]` (u32): rows of the flattened embeddings `[batch * tokens]`, each at most once.
    pub index: Tensor,
    /// Level `k` `[rows, hidden]` is added to the output of layer `k`.
    pub levels: Vec<Tensor>,
}

impl DeepRows {
    /// Adds the level of layer `layer` to that layer's output `x` `[batch, tokens, hidden]`. The gradient passes
    /// unchanged.
    ///
    /// # Errors
    /// Where shapes do not fit or the device fails.
    pub fn onto(&self, x: Tensor, layer: usize) -> Result<Tensor> {
        match self.levels.get(layer) {
            Some(rows) => x
                .flatten(0, 1)?
                .contiguous()?
                .index_add(&self.index, &rows.to_dtype(x.dtype())?, 0)?
                .reshape(x.shape()),
            None => Ok(x),
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Var};

    use super::*;
    use crate::nn::tests::{check, noise};

    #[test]
    fn rows_are_added_where_they_belong_and_the_gradient_passes() {
        let deep = DeepRows {
            index: Tensor::new(&[4_u32, 1], &Device::Cpu).unwrap(),
            levels: vec![noise(3, &[2, 3]), noise(4, &[2, 3])],
        };
        let x = noise(1, &[2, 3, 3]);
        let added = deep.onto(x.clone(), 1).unwrap();
        let added = added.sub(&x).unwrap().flatten(0, 1).unwrap();
        let want = [0, 4, 1].map(|row| match row {
            4 => deep.levels[1].get(1).unwrap(),
            1 => deep.levels[1].get(0).unwrap(),
            _ => Tensor::zeros(3, x.dtype(), &Device::Cpu).unwrap(),
        });
        for (place, want) in [(0, &want[0]), (1, &want[1]), (4, &want[2])] {
            let difference = (added.get(place).unwrap() - want).unwrap().abs().unwrap();
            assert!(difference.max_all().unwrap().to_scalar::<f64>().unwrap() < 1e-15);
        }
        check("deep rows", std::slice::from_ref(&x), |x| deep.onto((&x[0] * 2.0)?, 0));
        let x = Var::from_tensor(&x).unwrap();
        assert_eq!(deep.onto(x.as_tensor().clone(), 2).unwrap().id(), x.as_tensor().id());
    }

    /// candle's `index_add` in bf16 equals the f32 sum, rounded once.
    #[test]
    fn rows_are_added_in_bf16_as_numbers_of_that_type_are() {
        let bf16 = |x: Tensor| x.to_dtype(DType::BF16).unwrap();
        let wide = |x: &Tensor| x.to_dtype(DType::F32).unwrap();
        let (x, rows) = (bf16(noise(1, &[2, 3, 8])), bf16(noise(2, &[3, 8])));
        let index = [5_u32, 0, 2];
        let deep = DeepRows {
            index: Tensor::new(&index, &Device::Cpu).unwrap(),
            levels: vec![rows.clone()],
        };
        let added = deep.onto(x.clone(), 0).unwrap();
        assert_eq!((added.dtype(), added.dims()), (DType::BF16, x.dims()));
        let values = |x: &Tensor| wide(x).to_vec2::<f32>().unwrap();
        let (added, x) = (added.flatten(0, 1).unwrap(), x.flatten(0, 1).unwrap());
        let (added, x, rows) = (values(&added), values(&x), values(&rows));
        for (place, (added, x)) in added.iter().zip(&x).enumerate() {
            let row = index.iter().position(|&at| at as usize == place);
            let want = x.iter().enumerate().map(|(column, x)| {
                let sum = x + row.map_or(0.0, |row| rows[row][column]);
                half::bf16::from_f32(sum).to_f32()
            });
            assert_eq!(*added, want.collect::<Vec<_>>(), "row {place}");
        }
    }
}
