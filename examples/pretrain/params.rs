//! The model's tensors by their hub names, as variables; their first values and their file.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::{Context, Result};
use candle_core::{Device, Tensor, Var};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// Named variables, in the names' order.
#[derive(Default)]
pub struct Params {
    vars: BTreeMap<String, Var>,
}

impl Params {
    /// Adds a variable of normal values with standard deviation `sd`.
    ///
    /// # Errors
    /// Where the tensor cannot be made.
    pub fn normal(&mut self, name: &str, shape: &[usize], sd: f32, rng: &mut ChaCha8Rng) -> Result<()> {
        let count = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|_| sd * gaussian(rng)).collect();
        self.insert(name, Tensor::from_vec(values, shape, &Device::Cpu)?)
    }

    /// Adds a variable of one value everywhere.
    ///
    /// # Errors
    /// Where the tensor cannot be made.
    pub fn constant(&mut self, name: &str, shape: &[usize], value: f32) -> Result<()> {
        self.insert(name, Tensor::full(value, shape, &Device::Cpu)?)
    }

    /// A linear layer's `NAME.weight` `[out, in]`, with variance 1/in, and `NAME.bias` of zeros.
    ///
    /// # Errors
    /// Where the tensors cannot be made.
    pub fn linear(&mut self, name: &str, out: usize, input: usize, bias: bool, rng: &mut ChaCha8Rng) -> Result<()> {
        self.normal(&format!("{name}.weight"), &[out, input], (input as f32).powf(-0.5), rng)?;
        if bias {
            self.constant(&format!("{name}.bias"), &[out], 0.0)?;
        }
        Ok(())
    }

    /// Adds a variable.
    pub fn add(&mut self, name: &str, var: &Var) {
        self.vars.insert(name.to_owned(), var.clone());
    }

    fn insert(&mut self, name: &str, value: Tensor) -> Result<()> {
        self.vars.insert(name.to_owned(), Var::from_tensor(&value)?);
        Ok(())
    }

    /// The variable of this name.
    ///
    /// # Errors
    /// Where there is none.
    pub fn get(&self, name: &str) -> candle_core::Result<&Tensor> {
        match self.vars.get(name) {
            Some(var) => Ok(var.as_tensor()),
            None => candle_core::bail!("the model has no tensor `{name}`"),
        }
    }

    /// All variables, in the names' order.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Var)> {
        self.vars.iter()
    }

    /// The tensors as they are now.
    pub fn tensors(&self) -> HashMap<String, Tensor> {
        self.vars
            .iter()
            .map(|(name, var)| (name.clone(), var.as_detached_tensor()))
            .collect()
    }

    /// Takes over the values of `tensors`, which must have every name.
    ///
    /// # Errors
    /// Where a name is missing or a shape differs.
    pub fn set(&self, tensors: &HashMap<String, Tensor>) -> Result<()> {
        for (name, var) in &self.vars {
            let value = tensors
                .get(name)
                .with_context(|| format!("the state file has no tensor `{name}`"))?;
            var.set(value)
                .with_context(|| format!("the tensor `{name}` of the state file"))?;
        }
        Ok(())
    }
}

/// Writes tensors to a safetensors file by way of a partial file.
///
/// # Errors
/// Where the file cannot be written.
pub fn save(tensors: &HashMap<String, Tensor>, path: &Path) -> Result<()> {
    let partial = path.with_extension("partial");
    candle_core::safetensors::save(tensors, &partial).with_context(|| format!("writing {}", partial.display()))?;
    std::fs::rename(&partial, path).with_context(|| format!("renaming {}", partial.display()))
}

/// A standard normal number (Box and Muller).
pub fn gaussian(rng: &mut impl Rng) -> f32 {
    let (radius, angle): (f32, f32) = (rng.random::<f32>().max(1e-9), rng.random());
    (-2.0 * radius.ln()).sqrt() * (std::f32::consts::TAU * angle).cos()
}
