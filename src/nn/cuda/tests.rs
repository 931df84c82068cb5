use candle_core::{DType, Device, Result, Tensor};

use super::launch::Work;
use super::operation::Operation;
use super::*;
use crate::engine::selftest::selftest;
use crate::nn::tests::noise;
use crate::nn::{Linear, activation};

const ADAM: AdamStep = AdamStep {
    scale: 1.0,
    rate: 1e-3,
    inverse_root: 1.0,
    kept: 1.0,
};

/// The kernels' own code, forward and backward, in both number formats: see `nn/probe.rs`.
#[test]
fn the_kernels_agree_with_the_plain_operations() -> Result<()> {
    assert_eq!(crate::nn::probe::disagreement(&Device::Cpu)?, None);
    Ok(())
}

/// Runs the model and both stages through the emulated device, and compares them with the f64 numbers of the self-test.
#[test]
fn a_device_with_these_kernels_passes_the_self_test() {
    for dtype in [DType::F32, DType::BF16] {
        let checks = emulated::emulated(|| selftest(&Device::Cpu, dtype)).unwrap();
        let failed: Vec<_> = checks.iter().filter(|check| !check.passes()).collect();
        assert!(failed.is_empty(), "{dtype:?}: {failed:#?}");
        assert!(checks.len() > 50);
    }
}

#[test]
fn operands_that_do_not_fit_are_refused() -> Result<()> {
    let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu);
    assert!(rms_norm(&zeros(&[2, 8])?, &zeros(&[7])?, 1e-6).is_err());
    assert!(swiglu(&zeros(&[2, 8])?, &zeros(&[8, 2])?).is_err());
    assert!(rotate(&zeros(&[1, 2, 3, 8])?, &zeros(&[1, 2, 3])?, &zeros(&[1, 2, 3])?).is_err());
    let mask = DeviceMask {
        segments: Tensor::zeros((1, 5), DType::U32, &Device::Cpu)?,
        queries: Tensor::zeros((1, 4), DType::U32, &Device::Cpu)?,
        causal: true,
    };
    assert!(masked_softmax(&zeros(&[1, 2, 3, 5])?, Some(&mask), 1.0).is_err());
    let strided = zeros(&[4, 6])?.t()?;
    let layout = Some(strided.layout());
    let refused = Operation::SwiGlu.launch([layout, layout, None, None], DType::F32);
    assert!(refused.is_err());
    let heads = zeros(&[1, 2, 3, 8])?;
    assert!(heads_major(&heads.transpose(1, 3)?, OnTheWay::default()).is_err());
    let past = zeros(&[1, 2, 3, 6])?;
    let past = Some(&past);
    assert!(
        heads_major(
            &heads,
            OnTheWay {
                past,
                ..OnTheWay::default()
            }
        )
        .is_err()
    );
    assert!(token_major(&heads, None, 4).is_err());
    assert!(accumulate(zeros(&[2, 3])?, &zeros(&[2, 4])?, &zeros(&[3, 4])?).is_err());
    assert!(adamw(&heads, &past.cloned().unwrap_or(heads.clone()), (&heads, &heads), ADAM).is_err());
    Ok(())
}

#[test]
fn a_target_beyond_the_vocabulary_gives_no_number() -> Result<()> {
    let logits = Tensor::zeros((2, 9), DType::F32, &Device::Cpu)?;
    let log_p = log_likelihoods(&logits, &Tensor::new(&[8_u32, 9], &Device::Cpu)?)?.to_vec1::<f32>()?;
    assert!((log_p[0] + 9.0_f32.ln()).abs() < 1e-6 && log_p[1].is_nan(), "{log_p:?}");
    Ok(())
}

#[test]
fn blocks_cover_all_elements() {
    assert_eq!(Work::Elements(257).blocks(256), 2);
    assert_eq!(Work::Elements(256).blocks(256), 1);
    assert_eq!(Work::Rows(3).blocks(256), 3);
}

#[test]
fn heads_of_wider_rows_come_back_without_the_tokens_before_them() -> Result<()> {
    // Queries, keys and values side by side; of the keys two heads.
    let joined = noise(1, &[2, 3, 3, 2, 4]).to_dtype(DType::F32)?;
    let keys = joined.narrow(2, 1, 1)?.squeeze(2)?;
    let past = noise(2, &[1, 2, 2, 4]).to_dtype(DType::F32)?;
    let bias = Tensor::arange(0_f32, 8.0, &Device::Cpu)?;
    let way = OnTheWay {
        bias: Some(&bias),
        tables: None,
        past: Some(&past),
    };
    let heads = heads_major(&keys, way)?;
    let biased = keys.contiguous()?.broadcast_add(&bias.reshape((2, 4))?)?;
    let want = Tensor::cat(&[&past.expand((2, 2, 2, 4))?.contiguous()?, &biased], 1)?;
    let numbers = |x: &Tensor| x.flatten_all()?.to_vec1::<f32>();
    assert_eq!(heads.dims(), [2, 2, 5, 4]);
    assert_eq!(numbers(&heads.transpose(1, 2)?.contiguous()?)?, numbers(&want)?);
    assert_eq!(numbers(&token_major(&heads, None, 2)?)?, numbers(&biased)?);
    Ok(())
}

/// The norm of the difference by the norm of `want`, which is in f64.
fn off(got: &Tensor, want: &Tensor) -> Result<f64> {
    let norm = |x: &Tensor| x.sqr()?.sum_all()?.to_scalar::<f64>().map(f64::sqrt);
    Ok(norm(&(got.to_dtype(DType::F64)? - want)?)? / norm(want)?)
}

#[test]
fn a_biased_product_is_rounded_once() -> Result<()> {
    let rounded = |x: &Tensor| x.to_dtype(DType::BF16);
    let exact = |x: &Tensor| x.to_dtype(DType::F64);
    // Rows that differ little, so that the bias takes most of the product away: were it rounded before that, the result
    // would be off by many times its own rounding.
    let row = (noise(1, &[1, 1, 16]) * 4.0)?;
    let x = rounded(&row.broadcast_add(&(noise(2, &[1, 6, 16]) * 0.25)?)?)?;
    let weight = rounded(&noise(3, &[24, 16]))?;
    let product = exact(&x)?.squeeze(0)?.matmul(&exact(&weight)?.t()?)?;
    let bias = rounded(&product.mean(0)?.neg()?)?;
    let want = product.broadcast_add(&exact(&bias)?)?.unsqueeze(0)?;
    let residual = rounded(&noise(4, &[1, 6, 24]))?;
    let quick_gelu = (&want * ((&want * -1.702)?.exp()? + 1.0)?.recip()?)?;
    let linear = Linear::frozen(weight, Some(bias));
    emulated::emulated(|| {
        let (y, bias) = linear.forward_apart(&x)?;
        let [q, k, v] = joined_heads(&y.reshape((1, 6, 6, 4))?, bias, None)?;
        let heads = Tensor::cat(&[q, k, v], 1)?.transpose(1, 2)?.reshape((1, 6, 24))?;
        for (name, got, want) in [
            ("forward", linear.forward(&x)?, &want),
            (
                "onto",
                linear.forward_onto(&x, &residual)?,
                &(&want + exact(&residual)?)?,
            ),
            ("gelu", activation::quick_gelu_of(&linear, &x)?, &quick_gelu),
            ("heads", heads, &want),
        ] {
            let off = off(&got, want)?;
            // Half a unit of bf16's last place.
            assert!(got.dtype() == DType::BF16 && off < 2e-3, "{name}: {off}");
        }
        Ok(())
    })
}
