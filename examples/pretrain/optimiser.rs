//! Muon for the matrices inside the network, AdamW for everything else: on this model it needs about half the steps
//! that AdamW alone does.

use std::collections::HashMap;

use anyhow::{Context, Result};
use candle_core::{Tensor, Var};

use super::params::Params;
use super::workers::Workers;

const ADAM: (f64, f64, f64) = (0.9, 0.98, 1e-8);
const MOMENTUM: f64 = 0.95;
/// AdamW's rate as a share of Muon's.
const ADAM_SHARE: f64 = 0.5;

/// Moments by name.
pub struct Optimiser {
    first: HashMap<String, Tensor>,
    second: HashMap<String, Tensor>,
    step: i32,
    pub weight_decay: f64,
}

impl Optimiser {
    pub fn new(weight_decay: f64) -> Self {
        Self {
            first: HashMap::new(),
            second: HashMap::new(),
            step: 0,
            weight_decay,
        }
    }

    /// One step with `gradients` in the parameters' order, times `scale`; a parameter without one stays.
    ///
    /// # Errors
    /// Where a shape differs.
    pub fn step(
        &mut self,
        params: &Params,
        gradients: &[Option<Tensor>],
        lr: f64,
        scale: f64,
        workers: &Workers,
    ) -> Result<()> {
        self.step += 1;
        let all: Vec<(&String, &Var)> = params.iter().collect();
        let updates = workers.map(all.len(), |index| {
            let (name, var) = all[index];
            let Some(gradient) = &gradients[index] else {
                return Ok(None);
            };
            let gradient = (gradient * scale)?;
            let update = if is_hidden_matrix(name, var) {
                self.muon(name, var, &gradient, lr)?
            } else {
                self.adam(name, var, &gradient, ADAM_SHARE * lr)?
            };
            Ok(Some(update))
        })?;
        for ((name, var), update) in all.into_iter().zip(updates) {
            let Some(update) = update else { continue };
            var.set(&update.value.detach())?;
            self.first.insert(name.clone(), update.first.detach());
            if let Some(second) = update.second {
                self.second.insert(name.clone(), second.detach());
            }
        }
        Ok(())
    }

    fn muon(&self, name: &str, var: &Var, gradient: &Tensor, lr: f64) -> Result<Update> {
        let momentum = match self.first.get(name) {
            Some(old) => ((old * MOMENTUM)? + gradient)?,
            None => gradient.clone(),
        };
        let direction = orthogonal(&(gradient + (&momentum * MOMENTUM)?)?)?;
        let (rows, columns) = var.dims2()?;
        // As large as an AdamW step (root mean square 0.2), whatever the matrix's sides.
        let size = 0.2 * (rows.max(columns) as f64).sqrt();
        let value = ((var.as_tensor() * (1.0 - lr * self.weight_decay))? - (direction * (lr * size))?)?;
        Ok(Update {
            value,
            first: momentum,
            second: None,
        })
    }

    fn adam(&self, name: &str, var: &Var, gradient: &Tensor, lr: f64) -> Result<Update> {
        let (b1, b2, eps) = ADAM;
        let first = match self.first.get(name) {
            Some(old) => ((old * b1)? + (gradient * (1.0 - b1))?)?,
            None => (gradient * (1.0 - b1))?,
        };
        let second = match self.second.get(name) {
            Some(old) => ((old * b2)? + (gradient.sqr()? * (1.0 - b2))?)?,
            None => (gradient.sqr()? * (1.0 - b2))?,
        };
        let unbiased = (&second / (1.0 - b2.powi(self.step)))?.sqrt()?;
        let direction = ((&first / (1.0 - b1.powi(self.step)))? / (unbiased + eps)?)?;
        let decay = if var.rank() > 1 {
            1.0 - lr * self.weight_decay
        } else {
            1.0
        };
        let value = ((var.as_tensor() * decay)? - (direction * lr)?)?;
        Ok(Update {
            value,
            first,
            second: Some(second),
        })
    }

    /// The moments and the step, to be saved.
    pub fn state(&self) -> Result<HashMap<String, Tensor>> {
        let named = |prefix: &str, map: &HashMap<String, Tensor>| -> Vec<(String, Tensor)> {
            map.iter()
                .map(|(name, value)| (format!("{prefix}.{name}"), value.clone()))
                .collect()
        };
        let mut state: HashMap<String, Tensor> = named("first", &self.first)
            .into_iter()
            .chain(named("second", &self.second))
            .collect();
        state.insert(
            "optimiser.step".to_owned(),
            Tensor::new(&[i64::from(self.step)], &candle_core::Device::Cpu)?,
        );
        Ok(state)
    }

    /// Takes over what [`Optimiser::state`] gave.
    ///
    /// # Errors
    /// Where the step is missing.
    pub fn restore(&mut self, state: &HashMap<String, Tensor>) -> Result<()> {
        let step = state
            .get("optimiser.step")
            .context("the state file has no optimiser step")?;
        self.step = i32::try_from(step.to_vec1::<i64>()?[0])?;
        for (key, value) in state {
            if let Some(name) = key.strip_prefix("first.") {
                self.first.insert(name.to_owned(), value.clone());
            } else if let Some(name) = key.strip_prefix("second.") {
                self.second.insert(name.to_owned(), value.clone());
            }
        }
        Ok(())
    }
}

struct Update {
    value: Tensor,
    first: Tensor,
    second: Option<Tensor>,
}

/// Matrices between hidden states; embeddings and read-out heads are AdamW's.
fn is_hidden_matrix(name: &str, var: &Var) -> bool {
    var.rank() == 2 && (name.contains(".blocks.") || name.contains(".layers.") || name.contains(".mlp."))
}

/// The nearest matrix with singular values about 1, by five Newton and Schulz steps (Jordan et al. 2024).
fn orthogonal(matrix: &Tensor) -> Result<Tensor> {
    let (rows, columns) = matrix.dims2()?;
    let wide = if rows > columns {
        matrix.t()?.contiguous()?
    } else {
        matrix.clone()
    };
    let norm = f64::from(wide.sqr()?.sum_all()?.to_scalar::<f32>()?).sqrt();
    let mut x = (wide / (norm + 1e-7))?;
    for _ in 0..5 {
        let gram = x.matmul(&x.t()?)?;
        let polynomial = ((&gram * -4.775)? + (gram.matmul(&gram)? * 2.0315)?)?;
        x = ((&x * 3.4445)? + polynomial.matmul(&x)?)?;
    }
    Ok(if rows > columns { x.t()?.contiguous()? } else { x })
}
