//! Gradients against finite differences in f64, and the fused forms against the plain ones.

use candle_core::{DType, Device, Result, Tensor, Var};

use super::attention::plain as plain_attention;
use super::embedding::{Placement, place};
use super::layer_checkpoint::checkpointed;
use super::{LayerNorm, Linear, Mask, RmsNorm, Rotary, activation, attention, loss};

/// Deterministic values in about [-1, 1].
pub(crate) fn noise(seed: u64, shape: &[usize]) -> Tensor {
    let n: usize = shape.iter().product();
    let values: Vec<f64> = (0..n)
        .map(|i| ((i as f64 + 1.0) * 12.9898 + seed as f64 * 78.233).sin())
        .collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// Compares the gradient of `sum(f(x) * w)` with central differences at every element of every variable.
pub(crate) fn check(name: &str, inputs: &[Tensor], f: impl Fn(&[Tensor]) -> Result<Tensor>) {
    let vars: Vec<Var> = inputs.iter().map(|x| Var::from_tensor(x).unwrap()).collect();
    let tensors: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
    let y = f(&tensors).unwrap();
    let w = noise(99, y.dims());
    let grads = (y * &w).unwrap().sum_all().unwrap().backward().unwrap();
    let value = |xs: &[Tensor]| {
        (f(xs).unwrap() * &w)
            .unwrap()
            .sum_all()
            .unwrap()
            .to_scalar::<f64>()
            .unwrap()
    };
    for (i, x) in inputs.iter().enumerate() {
        let grad = grads
            .get(&vars[i])
            .unwrap_or_else(|| panic!("{name}: input {i} has no gradient"));
        let grad = grad.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        let flat = x.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        for (j, &got) in grad.iter().enumerate() {
            let at = |delta: f64| {
                let mut moved = flat.clone();
                moved[j] += delta;
                let mut xs = inputs.to_vec();
                xs[i] = Tensor::from_vec(moved, x.shape(), &Device::Cpu).unwrap();
                value(&xs)
            };
            let want = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!(
                (got - want).abs() <= 1e-6 * (1.0 + want.abs()),
                "{name}: input {i}[{j}]: {got} against {want}"
            );
        }
    }
}

pub(super) fn close(a: &Tensor, b: &Tensor, tolerance: f64) {
    let difference = (a.to_dtype(DType::F64).unwrap() - b.to_dtype(DType::F64).unwrap()).unwrap();
    let worst = difference.abs().unwrap().max_all().unwrap().to_scalar::<f64>().unwrap();
    assert!(worst <= tolerance, "differs by {worst}");
}

pub(super) fn masks() -> Vec<Mask> {
    let p = Mask::PADDING;
    vec![
        Mask::full(2, 5, true),
        Mask::new(true, vec![vec![0, 0, 0, p, p], vec![p, p, 0, 0, 0]]),
        Mask::new(true, vec![vec![0, 0, 1, 1, 2], vec![0, 1, 2, 2, p]]),
        Mask::new(false, vec![vec![1, 1, 2, 2, 2], vec![1, 1, 1, p, p]]),
    ]
}

#[test]
fn linear() {
    let bias = noise(3, &[3]);
    check("frozen", &[noise(1, &[2, 2, 4])], |x| {
        Linear::frozen(noise(2, &[3, 4]), Some(bias.clone())).forward(&x[0])
    });
    check("trained", &[noise(1, &[2, 4]), noise(2, &[3, 4]), bias], |x| {
        Linear::new(x[1].clone(), Some(x[2].clone()), true).forward(&x[0])
    });
}

#[test]
fn a_linear_layer_onto_a_residual() {
    for bias in [None, Some(noise(3, &[4]))] {
        let layer = Linear::frozen(noise(2, &[4, 4]), bias);
        let (x, residual) = (noise(1, &[2, 5, 4]), noise(4, &[2, 5, 4]));
        let sum = (&residual + layer.forward(&x).unwrap()).unwrap();
        close(&layer.forward_onto(&x, &residual).unwrap(), &sum, 1e-14);
        check("onto", &[x, residual], |x| layer.forward_onto(&x[0], &x[1]));
        // The layer gets its input as the residual, too.
        check("x + layer(x)", &[noise(5, &[3, 4])], |x| {
            layer.forward_onto(&x[0], &x[0])
        });
    }
}

#[test]
fn frozen_linear_keeps_no_gradient_of_its_weight() {
    let (x, w) = (
        Var::from_tensor(&noise(1, &[2, 4])).unwrap(),
        Var::from_tensor(&noise(2, &[3, 4])).unwrap(),
    );
    let y = Linear::frozen(w.as_tensor().clone(), None)
        .forward(x.as_tensor())
        .unwrap();
    let grads = y.sum_all().unwrap().backward().unwrap();
    assert!(grads.get(&w).is_none() && grads.get(&x).is_some());
}

#[test]
fn norms() {
    check("rms", &[noise(1, &[3, 4]), noise(2, &[4])], |x| {
        RmsNorm::new(x[1].clone(), 1e-6, true).forward(&x[0])
    });
    check("rms, plain", &[noise(1, &[3, 4]), noise(2, &[4])], |x| {
        RmsNorm::new(x[1].clone(), 1e-6, true).plain(&x[0])
    });
    check("layer", &[noise(1, &[3, 4]), noise(2, &[4]), noise(3, &[4])], |x| {
        LayerNorm::new(x[1].clone(), x[2].clone(), 1e-6, true).forward(&x[0])
    });
    let frozen = LayerNorm::new(noise(2, &[24]), noise(3, &[24]), 1e-6, false);
    check("layer, frozen", &[noise(1, &[3, 24])], |x| frozen.forward(&x[0]));
    let x = noise(1, &[40, 24]);
    close(&frozen.forward(&x).unwrap(), &frozen.plain(&x).unwrap(), 1e-12);
    let (x, norm) = (noise(1, &[3, 8]), RmsNorm::new(noise(2, &[8]), 1e-6, false));
    close(&norm.forward(&x).unwrap(), &norm.plain(&x).unwrap(), 1e-12);
}

/// Guards against a fused norm without a backward: the residual would hide the missing gradient.
#[test]
fn norm_inside_a_residual() {
    check("x + rms(x)", &[noise(1, &[3, 4])], |x| {
        &x[0] + RmsNorm::new(noise(2, &[4]), 1e-6, false).forward(&x[0])?
    });
}

#[test]
fn activations() {
    check("swiglu", &[noise(1, &[2, 3]), noise(2, &[2, 3])], |x| {
        activation::swiglu(&x[0], &x[1])
    });
    check("quick gelu", &[noise(1, &[2, 3])], |x| activation::quick_gelu(&x[0]));
    check("gelu", &[noise(1, &[2, 3])], |x| x[0].gelu_erf());
}

#[test]
fn fast_exp_is_exact_to_rounding() {
    use super::cpu::Real;
    for i in -8700..8800 {
        let x = i as f32 / 100.0;
        let (got, want) = (f64::from(Real::exp(x)), f64::from(x).exp());
        assert!((got - want).abs() <= 3e-7 * want, "exp({x}) = {got}, not {want}");
    }
    assert_eq!(Real::exp(-1e30_f32), 0.0);
}

#[test]
fn rotary() {
    let angles: Vec<f64> = (0..2 * 3 * 2).map(|i| f64::from(i) * 0.7).collect();
    let rotary = Rotary::new(&angles, (2, 3, 2), DType::F64, &Device::Cpu).unwrap();
    check("rotary", &[noise(1, &[2, 3, 2, 4])], |x| rotary.apply(&x[0]));
    check("rotary, plain", &[noise(1, &[2, 3, 2, 4])], |x| rotary.plain(&x[0]));
    let x = noise(1, &[2, 3, 2, 4]);
    close(&rotary.apply(&x).unwrap(), &rotary.plain(&x).unwrap(), 1e-12);
}

#[test]
fn attention_with_every_mask() {
    for mask in masks() {
        for queries in [5, 2] {
            let (q, k, v) = (
                noise(1, &[2, queries, 4, 3]),
                noise(2, &[2, 5, 2, 3]),
                noise(3, &[2, 5, 2, 3]),
            );
            let fused = attention(&q, &k, &v, &mask).unwrap();
            close(&fused, &plain_attention(&q, &k, &v, &mask).unwrap(), 1e-12);
            check("attention", &[q, k, v], |x| attention(&x[0], &x[1], &x[2], &mask));
        }
    }
}

#[test]
fn queries_at_positions_are_those_rows_of_all_queries() {
    let (q, k, v) = (
        noise(1, &[2, 5, 4, 3]),
        noise(2, &[2, 5, 2, 3]),
        noise(3, &[2, 5, 2, 3]),
    );
    let rows = Tensor::new(&[3_u32, 1, 5 + 4, 5 + 4], &Device::Cpu).unwrap();
    let pick = |x: &Tensor| x.flatten(0, 1).unwrap().index_select(&rows, 0).unwrap();
    let outputs = pick(&q).reshape((2, 2, 4, 3)).unwrap();
    for mask in masks() {
        let all = attention(&q, &k, &v, &mask).unwrap();
        let mask = mask.at(vec![vec![3, 1], vec![4, 4]]);
        let some = attention(&outputs, &k, &v, &mask).unwrap();
        close(&some.flatten(0, 1).unwrap(), &pick(&all), 1e-15);
        close(&some, &plain_attention(&outputs, &k, &v, &mask).unwrap(), 1e-12);
        let inputs = [outputs.clone(), k.clone(), v.clone()];
        check("attention at positions", &inputs, |x| {
            attention(&x[0], &x[1], &x[2], &mask)
        });
        assert!(attention(&q, &k, &v, &mask).is_err());
    }
}

#[test]
fn padding_changes_nothing() {
    let (q, k, v) = (
        noise(1, &[1, 3, 2, 4]),
        noise(2, &[1, 3, 2, 4]),
        noise(3, &[1, 3, 2, 4]),
    );
    let pad = |x: &Tensor| Tensor::cat(&[x, &noise(9, &[1, 2, 2, 4])], 1).unwrap();
    let mask = Mask::new(true, vec![vec![0, 0, 0, Mask::PADDING, Mask::PADDING]]);
    let padded = attention(&pad(&q), &pad(&k), &pad(&v), &mask)
        .unwrap()
        .narrow(1, 0, 3)
        .unwrap();
    close(&padded, &attention(&q, &k, &v, &Mask::full(1, 3, true)).unwrap(), 1e-15);
}

#[test]
fn cross_entropy() {
    let targets = Tensor::new(&[2_u32, 0], &Device::Cpu).unwrap();
    check("cross-entropy", &[noise(1, &[2, 4])], |x| {
        loss::cross_entropy_sum(&x[0], &targets)
    });
    check("log-likelihoods", &[noise(1, &[2, 4])], |x| {
        loss::log_likelihoods(&x[0], &targets)
    });
    check("log-likelihoods, plain", &[noise(1, &[2, 4])], |x| {
        loss::plain(&x[0], &targets)
    });
    let logits = (noise(5, &[2, 5000]) * 9.0).unwrap();
    let fused = loss::log_likelihoods(&logits, &targets).unwrap();
    close(&fused, &loss::plain(&logits, &targets).unwrap(), 1e-11);
    let logits = logits.to_dtype(DType::F32).unwrap();
    close(&fused, &loss::log_likelihoods(&logits, &targets).unwrap(), 1e-5);
    let beyond = Tensor::new(&[2_u32, 5000], &Device::Cpu).unwrap();
    assert!(loss::log_likelihoods(&logits, &beyond).is_err());
}

#[test]
fn placed_rows() {
    let placement = Placement {
        rows: Tensor::new(&[0_u32, 2, 3, 1, 2, 3], &Device::Cpu).unwrap(),
        occurrences: Tensor::new(&[[1_u32, 2], [4, 5]], &Device::Cpu).unwrap(),
    };
    check("place", &[noise(1, &[2, 3])], |x| {
        place(&noise(2, &[2, 3]), &x[0], &placement)
    });
}

#[test]
fn checkpointed_layer_gives_the_same_bits() {
    let layer = |x: &Tensor| -> Result<Tensor> {
        x + RmsNorm::new(noise(2, &[4]), 1e-6, false).forward(&Linear::frozen(noise(3, &[4, 4]), None).forward(x)?)?
    };
    let x = Var::from_tensor(&noise(1, &[3, 4])).unwrap();
    let gradient = |y: Tensor| {
        let grads = (y * noise(5, &[3, 4])).unwrap().sum_all().unwrap().backward().unwrap();
        grads.get(&x).unwrap().to_vec2::<f64>().unwrap()
    };
    let plain = gradient(layer(x.as_tensor()).unwrap());
    let kept = gradient(checkpointed(x.as_tensor(), std::sync::Arc::new(layer)).unwrap());
    assert_eq!(plain, kept);
}
