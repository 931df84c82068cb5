//! Runs the self-test on the device that `--device` names.

use candle_core::DType;

use super::finding::Finding;
use crate::cli::args::ModelArgs;
use crate::config::Dtype;
use crate::engine::device;
use crate::engine::selftest::{Check, selftest};

/// The number of failed checks that are named.
const NAMED: usize = 8;

/// One finding for each number format of the device (f32, on a GPU also bf16), and on a GPU one for the kernels.
pub(super) fn findings(model: &ModelArgs) -> Vec<Finding> {
    let compute = match device::open(model.device, Dtype::F32) {
        Ok(compute) => compute,
        Err(error) => return vec![Finding::problem("selftest", error.to_string())],
    };
    let mut formats = vec![("f32", DType::F32)];
    if compute.device.is_cuda() {
        formats.push(("bf16", DType::BF16));
    }
    let finding = |(format, dtype)| match selftest(&compute.device, dtype) {
        Ok(checks) => judge(&format!("{} in {format}", compute.name), &checks),
        Err(error) => Finding::problem("selftest", format!("{} in {format}: {error}", compute.name)),
    };
    let kernels = compute.device.is_cuda().then(|| match &compute.notice {
        None => Finding::ok("kernels", "the fused kernels agree with the plain operations"),
        Some(notice) => Finding::problem("kernels", notice.clone()),
    });
    kernels.into_iter().chain(formats.into_iter().map(finding)).collect()
}

fn judge(what: &str, checks: &[Check]) -> Finding {
    let failed: Vec<String> = (checks.iter().filter(|check| !check.passes()))
        .map(|check| format!("{} (off by {:.1e}, bound {:.0e})", check.name, check.error, check.bound))
        .collect();
    let nearest = checks.iter().max_by(|a, b| share(a).total_cmp(&share(b)));
    match nearest {
        Some(nearest) if failed.is_empty() => Finding::ok(
            "selftest",
            format!(
                "{what}: {} checks agree with f64; the largest error is {:.1e} of at most {:.0e} ({})",
                checks.len(),
                nearest.error,
                nearest.bound,
                nearest.name
            ),
        ),
        _ => Finding::problem(
            "selftest",
            format!(
                "{what}: {} of {} checks are off: {}; do not trust results of this device, and report this line as a bug",
                failed.len(),
                checks.len(),
                failed[..failed.len().min(NAMED)].join(", ")
            ),
        ),
    }
}

/// The error as a share of its bound.
fn share(check: &Check) -> f64 {
    check.error / check.bound.max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Level;

    fn check(name: &str, error: f64) -> Check {
        Check {
            name: name.to_owned(),
            error,
            bound: 1e-4,
        }
    }

    #[test]
    fn failed_checks_are_named_or_else_the_largest_error() {
        let good = judge("cpu in f32", &[check("logits", 1e-6), check("loss", 5e-5)]);
        assert_eq!(good.level, Level::Ok);
        assert!(
            good.text.contains("2 checks") && good.text.contains("loss"),
            "{}",
            good.text
        );
        let bad = judge("cpu in f32", &[check("logits", 1e-6), check("loss", f64::NAN)]);
        assert_eq!(bad.level, Level::Problem);
        assert!(
            bad.text.contains("1 of 2") && bad.text.contains("loss (off by NaN"),
            "{}",
            bad.text
        );
        assert_eq!(judge("cpu", &[]).level, Level::Problem);
    }
}
