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

    /// One update with the gradients times `scale`: of all parameters and moments, or, where it fails for lack of memory,
    /// of none.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn step(&mut self, grads: &Gradients, lr: f64, scale: f64) -> Result<()> {
        // On the CPU a failed allocation ends the process, so there is nothing to undo, and holding all new values at once
        // would take three times the parameters' memory.
        let at_once = self.slots.iter().any(|slot| !slot.var.device().is_cpu());
        self.update(grads, lr, scale, at_once)
    }

    /// As [`Self::step`]. With `at_once`, nothing is changed before all new values are there.
    fn update(&mut self, grads: &Gradients, lr: f64, scale: f64, at_once: bool) -> Result<()> {
        let mut changes = Vec::new();
        for (place, grad) in grads.0.iter().enumerate() {
            let (Some(slot), Some(grad)) = (self.slots.get_mut(place), grad) else {
                continue;
            };
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
            if adamw_in_place(slot.var.as_tensor(), grad, moments, step)? {
                slot.steps = steps;
                continue;
            }
            let grad = (grad * scale)?;
            let exp_avg = ((&slot.exp_avg * BETA1)? + (&grad * (1.0 - BETA1))?)?;
            let exp_avg_sq = ((&slot.exp_avg_sq * BETA2)? + (grad.sqr()? * (1.0 - BETA2))?)?;
            let denominator = ((exp_avg_sq.sqrt()? / correction(BETA2).sqrt())? + EPS)?;
            let change = ((&exp_avg / denominator)? * (lr / correction(BETA1)))?;
            let value = ((slot.var.as_tensor() * (1.0 - lr * decay))? - change)?.detach();
            let change = Change {
                place,
                value,
                exp_avg,
                exp_avg_sq,
            };
            if at_once {
                changes.push(change);
            } else {
                change.make(&mut self.slots)?;
            }
        }
        // Copies within the device: they take no memory.
        changes.into_iter().try_for_each(|change| change.make(&mut self.slots))
    }
}

/// What a step makes of the slot at `place`.
struct Change {
    place: usize,
    value: Tensor,
    exp_avg: Tensor,
    exp_avg_sq: Tensor,
}

impl Change {
    fn make(self, slots: &mut [Slot]) -> Result<()> {
        let slot = &mut slots[self.place];
        slot.var.set(&self.value)?;
        (slot.exp_avg, slot.exp_avg_sq) = (self.exp_avg, self.exp_avg_sq);
        slot.steps += 1;
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
            // Contiguous, so that the optimiser's step need not copy it.
            let grad = grad.map(|grad| grad.contiguous()).transpose()?;
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
    fn a_step_that_fails_half_way_changes_nothing() {
        let (first, second) = (var(1.0), var(1.0));
        let named = [("first", &first), ("second", &second)];
        let mut adam = AdamW::new(named.map(|(n, v)| (n.to_owned(), v.clone())).to_vec(), 0.5).unwrap();
        let one = Tensor::new(&[1f32], &Device::Cpu).unwrap();
        let unfit = Tensor::new(&[1f32, 2.0], &Device::Cpu).unwrap();
        let values = |adam: &AdamW| {
            let of = |slot: &Slot| {
                let tensors = [slot.var.as_tensor(), &slot.exp_avg, &slot.exp_avg_sq];
                (tensors.map(|tensor| tensor.to_vec1::<f32>().unwrap()), slot.steps)
            };
            adam.slots.iter().map(of).collect::<Vec<_>>()
        };
        let before = values(&adam);
        let grads = Gradients(vec![Some(one.clone()), Some(unfit)]);
        assert!(adam.update(&grads, 0.1, 1.0, true).is_err());
        assert_eq!(values(&adam), before);

        // Made at once or one after the other, a step that succeeds is the same.
        let grads = Gradients(vec![Some(one.clone()), Some(one)]);
        adam.update(&grads, 0.1, 1.0, true).unwrap();
        let at_once = values(&adam);
        assert!(at_once != before && at_once[0].1 == 1);
        let mut other = AdamW::new(
            vec![("first".to_owned(), var(1.0)), ("second".to_owned(), var(1.0))],
            0.5,
        )
        .unwrap();
        other.update(&grads, 0.1, 1.0, false).unwrap();
        assert_eq!(values(&other), at_once);
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
