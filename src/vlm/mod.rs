//! Frozen vision-language models.

pub mod base;
pub mod chat;
pub mod config_file;
pub mod decoder;
pub mod foreign;
#[cfg(test)]
mod forms;
pub mod frozen;
#[cfg(test)]
mod hostile;
pub mod hub;
pub mod inspect;
pub mod llava_next;
pub mod model_config;
pub mod parsed;
pub mod pictures;
pub mod placeholder;
pub mod plan;
pub mod qwen2_5_vl;
pub mod qwen2_vl;
pub mod qwen3_vl;
#[cfg(test)]
pub mod random_model;
mod shared;
mod size;
pub mod template;
pub mod text;
pub mod tiny;
pub mod tokenizer;
pub mod tower;
pub mod vision;
pub mod weights;

use candle_core::{Result, Tensor};

use crate::nn::{Linear, RmsNorm, Weight};

/// The largest size in bytes of a settings file next to a model's weights.
const LONGEST_CONFIG: u64 = 16 << 20;

/// Where a model's parameters come from: a folder's weight files, or variables that are being trained.
pub trait Parameters {
    /// The tensor with this hub name, checked against `shape`, in the compute dtype and on the device.
    ///
    /// # Errors
    /// If it is missing or has another shape; the message says where.
    fn get(&self, name: &str, shape: &[usize]) -> Result<Tensor>;

    /// As [`Self::get`], the matrix of a linear layer or of an embedding; a source may give it in a compact form.
    ///
    /// # Errors
    /// As [`Self::get`].
    fn weight(&self, name: &str, shape: &[usize; 2]) -> Result<Weight> {
        self.get(name, shape).map(Weight::Dense)
    }

    /// Whether the tensors are variables that get gradients.
    fn trained(&self) -> bool {
        false
    }
}

/// Parameters below a prefix of their names.
#[derive(Clone)]
pub struct Scope<'a> {
    parameters: &'a dyn Parameters,
    prefix: String,
}

impl<'a> Scope<'a> {
    /// The names that begin with `prefix` and a dot.
    pub fn new(parameters: &'a dyn Parameters, prefix: impl Into<String>) -> Self {
        Self {
            parameters,
            prefix: prefix.into(),
        }
    }

    /// A scope inside this one.
    #[must_use]
    pub fn at(&self, name: impl std::fmt::Display) -> Self {
        Self {
            parameters: self.parameters,
            prefix: format!("{}.{name}", self.prefix),
        }
    }

    /// The tensor `name` in this scope.
    ///
    /// # Errors
    /// As [`Parameters::get`].
    pub fn get(&self, name: &str, shape: &[usize]) -> Result<Tensor> {
        self.parameters.get(&format!("{}.{name}", self.prefix), shape)
    }

    /// The matrix `weight` in this scope.
    ///
    /// # Errors
    /// As [`Parameters::get`].
    pub fn weight(&self, shape: &[usize; 2]) -> Result<Weight> {
        self.parameters.weight(&format!("{}.weight", self.prefix), shape)
    }

    /// Whether the tensors get gradients.
    #[must_use]
    pub fn trained(&self) -> bool {
        self.parameters.trained()
    }

    /// The linear layer `[out, input]` of this scope, with a bias if `bias` is set.
    ///
    /// # Errors
    /// As [`Parameters::get`].
    pub fn linear(&self, out: usize, input: usize, bias: bool) -> Result<Linear> {
        let weight = self.weight(&[out, input])?;
        let bias = if bias { Some(self.get("bias", &[out])?) } else { None };
        Ok(Linear::new(weight, bias, self.trained()))
    }

    /// The RMS norm over `width` of this scope.
    ///
    /// # Errors
    /// As [`Parameters::get`].
    pub fn rms_norm(&self, width: usize, eps: f64) -> Result<RmsNorm> {
        Ok(RmsNorm::new(self.get("weight", &[width])?, eps, self.trained()))
    }
}
