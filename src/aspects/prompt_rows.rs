//! The soft prompt as batches take it.

use candle_core::{DType, Result, Tensor};

/// The source of a batch's `Prompt` rows.
#[derive(Debug, Clone)]
pub struct PromptRows {
    /// `[tokens, hidden]`
    rows: Tensor,
    /// The values' bits, if they do not change while the rows are in use.
    bits: Option<Vec<u32>>,
}

impl PromptRows {
    /// Stage 2's: the gradient flows into `prompt` `[tokens, hidden]`.
    #[must_use]
    pub fn trained(prompt: &Tensor) -> Self {
        Self {
            rows: prompt.clone(),
            bits: None,
        }
    }

    /// Those of `prompt` `[tokens, hidden]` as it is now, for any number of batches. Here the CPU waits for the device.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn constant(prompt: &Tensor) -> Result<Self> {
        let rows = prompt.detach().copy()?;
        let values = rows.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
        Ok(Self {
            rows,
            bits: Some(values.into_iter().map(f32::to_bits).collect()),
        })
    }

    /// `[tokens, hidden]`
    #[must_use]
    pub fn rows(&self) -> &Tensor {
        &self.rows
    }

    /// The values' bits, if they are constant.
    #[must_use]
    pub fn bits(&self) -> Option<&[u32]> {
        self.bits.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    #[test]
    fn constant_rows_do_not_change_with_the_variable() -> Result<()> {
        let prompt = Var::from_tensor(&Tensor::new(&[[1.0_f32, -0.0]], &Device::Cpu)?)?;
        let constant = PromptRows::constant(prompt.as_tensor())?;
        prompt.set(&Tensor::new(&[[2.0_f32, 3.0]], &Device::Cpu)?)?;
        assert_eq!(constant.rows().to_vec2::<f32>()?, [[1.0, -0.0]]);
        assert_eq!(constant.bits(), Some(&[1.0_f32, -0.0].map(f32::to_bits)[..]));
        assert!(!constant.rows().track_op());

        let trained = PromptRows::trained(prompt.as_tensor());
        assert!(trained.bits().is_none() && trained.rows().track_op());
        Ok(())
    }
}
