//! AdamW with accessible moments. candle's AdamW hides them, and without them a run could not be resumed exactly.

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, Var};

use crate::nn::optimizer::{AdamStep, adamw_in_place, sum_of_squares};

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPS: f64 = 1e-8;

/// A trained parameter with its moments.
#[derive(Debug, Clone)]
pub struct Slot {
    pub name: String,
    pub var: Var,
    /// Mean of the gradients.
    pub exp_avg: Tensor,
    /// Mean of their squares.
    pub exp_avg_sq: Tensor,
    /// Steps in which this parameter had a gradient.
    pub steps: u64,
}

/// `torch.optim.AdamW`: decoupled weight decay (none on biases, as the reference's trainer groups them), step counts
/// per parameter, parameters without a gradient left alone.
#[derive(Debug, Clone)]
pub struct AdamW {
    pub slots: Vec<Slot>,
    weight_decay: f64,
}

impl AdamW {
    /// Zero moments for `parameters`.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn new(parameters: Vec<(String, Var)>, weight_decay: f64) -> Result<Self> {
        let slot = |(name, var): (String, Var)| {
            // Each has memory of its own, because kernels change them in place.
            Ok(Slot {
                name,
                exp_avg: var.zeros_like()?,
                exp_avg_sq: var.zeros_like()?,
                var,
                steps: 0,
            })
        };
        Ok(Self {
            slots: parameters.into_iter().map(slot).collect::<Result<_>>()?,
            weight_decay,
        })
    }

    /// One update with the gradients times `scale`.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn step(&mut self, grads: &Gradients, lr: f64, scale: f64) -> Result<()> {
        for (slot, grad) in self.slots.iter_mut().zip(&grads.0) {
            let Some(grad) = grad else { continue };
            let steps = slot.steps + 1;
            let correction = |beta: f64| 1.0 - beta.powf(steps as f64);
            let decay = if slot.name.contains("bias") {
                0.0
            } else {
                self.weight_decay
            };
            let step = AdamStep {
                scale,
                rate: lr / correction(BETA1),
                inverse_root: 1.0 / correction(BETA2).sqrt(),
                kept: 1.0 - lr * decay,
            };
            let moments = (&slot.exp_avg, &slot.exp_avg_sq);
            let changed = adamw_in_place(slot.var.as_tensor(), grad, moments, step)?;
            slot.steps = steps;
            if changed {
                continue;
            }
            let grad = (grad * scale)?;
            slot.exp_avg = ((&slot.exp_avg * BETA1)? + (&grad * (1.0 - BETA1))?)?;
            slot.exp_avg_sq = ((&slot.exp_avg_sq * BETA2)? + (grad.sqr()? * (1.0 - BETA2))?)?;
            let denominator = ((slot.exp_avg_sq.sqrt()? / correction(BETA2).sqrt())? + EPS)?;
            let change = ((&slot.exp_avg / denominator)? * (lr / correction(BETA1)))?;
            slot.var
                .set(&((slot.var.as_tensor() * (1.0 - lr * decay))? - change)?.detach())?;
        }
        Ok(())
    }
}

/// The gradients of the optimiser's parameters, added up over micro-batches.
#[derive(Debug, Default)]
pub struct Gradients(Vec<Option<Tensor>>);

impl Gradients {
    /// Adds the gradients of one backward pass.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn add(&mut self, optimizer: &AdamW, mut grads: GradStore) -> Result<()> {
        self.0.resize(optimizer.slots.len(), None);
        // All or nothing: when memory runs out here, the caller runs the same samples again.
        let sums = self.0.iter().zip(&optimizer.slots).map(|(sum, slot)| {
            // A variable's gradient keeps its graph: stored in the moments undetached, it would hold every step's activations.
            let grad = grads.remove(&slot.var).map(|grad| grad.detach());
            Ok(match (sum, grad) {
                (Some(sum), Some(grad)) => Some((sum + grad)?),
                (sum, grad) => grad.or_else(|| sum.clone()),
            })
        });
        self.0 = sums.collect::<Result<_>>()?;
        Ok(())
    }

    /// The global norm over all parameters.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn norm(&self) -> Result<f64> {
        if let Some(sum) = sum_of_squares(&self.0.iter().flatten().collect::<Vec<_>>())? {
            return Ok(sum.sqrt());
        }
        let squares = self.0.iter().flatten().map(|grad| grad.sqr()?.sum_all());
        let squares = squares.collect::<Result<Vec<Tensor>>>()?;
        if squares.is_empty() {
            return Ok(0.0);
        }
        // One stacked transfer, so the CPU waits for the device once rather than once per parameter.
        let squares = Tensor::stack(&squares, 0)?.to_vec1::<f32>()?;
        Ok(squares.into_iter().map(f64::from).sum::<f64>().sqrt())
    }
}

/// The factor that clips a gradient of this norm (`torch.nn.utils.clip_grad_norm_`); a `limit` of 0 does not clip.
#[must_use]
pub fn clip_factor(norm: f64, limit: f64) -> f64 {
    if limit > 0.0 {
        (limit / (norm + 1e-6)).min(1.0)
    } else {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn var(value: f32) -> Var {
        Var::from_tensor(&Tensor::new(&[value], &Device::Cpu).unwrap()).unwrap()
    }

    /// Two steps by hand: gradients 1 then 2, lr 0.1, decay 0.5.
    #[test]
    fn parameters_without_gradient_stay_and_others_follow_the_formula() {
        let (weight, bias, idle) = (var(1.0), var(1.0), var(3.0));
        let named = [("weight", &weight), ("bias", &bias), ("idle", &idle)];
        let mut adam = AdamW::new(named.map(|(n, v)| (n.to_owned(), v.clone())).to_vec(), 0.5).unwrap();
        for factor in [1.0, 2.0] {
            let loss = ((weight.as_tensor() * factor).unwrap() + (bias.as_tensor() * factor).unwrap()).unwrap();
            let mut grads = Gradients::default();
            grads.add(&adam, loss.sum_all().unwrap().backward().unwrap()).unwrap();
            assert!((grads.norm().unwrap() - factor * 2f64.sqrt()).abs() < 1e-6);
            adam.step(&grads, 0.1, 1.0).unwrap();
        }
        // Step 1: m = .1, v = .001, change = .1. Step 2: m = .29, v = .004999, change = .1 (.29 / .19) / sqrt(.004999 / .001999).
        let second = 0.1 * (0.29 / 0.19) / ((0.004_999_f64 / 0.001_999).sqrt() + 1e-8);
        let value = |v: &Var| f64::from(v.to_vec1::<f32>().unwrap()[0]);
        assert!((value(&bias) - (0.9 - second)).abs() < 1e-6);
        assert!((value(&weight) - ((0.95 - 0.1) * 0.95 - second)).abs() < 1e-6);
        assert_eq!((value(&idle), adam.slots[2].steps), (3.0, 0));
    }

    #[test]
    fn moments_keep_no_graph_of_earlier_steps() {
        let (first, second) = (var(2.0), var(3.0));
        let named = [("first", &first), ("second", &second)];
        let mut adam = AdamW::new(named.map(|(n, v)| (n.to_owned(), v.clone())).to_vec(), 0.0).unwrap();
        // The gradient of each factor is the other one, which is a variable.
        let loss = (first.as_tensor() * second.as_tensor()).unwrap().sum_all().unwrap();
        let mut grads = Gradients::default();
        grads.add(&adam, loss.backward().unwrap()).unwrap();
        adam.step(&grads, 0.1, 1.0).unwrap();
        for slot in &adam.slots {
            for moment in [&slot.exp_avg, &slot.exp_avg_sq] {
                let reached = moment.sum_all().unwrap().backward().unwrap();
                assert!(
                    reached.get(&first).is_none() && reached.get(&second).is_none(),
                    "{}",
                    slot.name
                );
            }
        }
    }

    #[test]
    fn clipping_scales_only_gradients_above_the_limit() {
        assert!((clip_factor(4.0, 1.0) - 0.25).abs() < 1e-6);
        assert_eq!((clip_factor(0.5, 1.0), clip_factor(9.0, 0.0)), (1.0, 1.0));
    }
}
