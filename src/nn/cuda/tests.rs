use candle_core::{DType, Device, Result, Tensor};

use super::launch::Work;
use super::operation::Operation;
use super::*;
use crate::engine::selftest::selftest;

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
    assert!(masked_softmax(&zeros(&[1, 2, 3, 5])?, &mask, 1.0).is_err());
    let strided = zeros(&[4, 6])?.t()?;
    let layout = strided.layout();
    let refused = Operation::SwiGlu.launch([layout, layout, layout], DType::F32);
    assert!(refused.is_err());
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
