//! What kind of failure a device reports, judged by the wording of CUDA and cuBLAS, and the report without a backtrace.

use candle_core::Error;

/// What a failure of a device means for the work on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Smaller work may succeed.
    OutOfMemory,
    /// The context is broken: nothing that this process asks of the device succeeds any more.
    Lost,
    Other,
}

/// Names of the driver's errors after which a context cannot be used, from the CUDA driver API's manual, "Data types used
/// by CUDA driver", and cuBLAS' word for a product that failed on the device.
const LOST: [&str; 19] = [
    "CUDA_ERROR_ECC_UNCORRECTABLE",
    "CUDA_ERROR_NVLINK_UNCORRECTABLE",
    "CUDA_ERROR_CONTAINED",
    "CUDA_ERROR_ILLEGAL_ADDRESS",
    "CUDA_ERROR_LAUNCH_TIMEOUT",
    "CUDA_ERROR_CONTEXT_IS_DESTROYED",
    "CUDA_ERROR_ASSERT",
    "CUDA_ERROR_HARDWARE_STACK_ERROR",
    "CUDA_ERROR_ILLEGAL_INSTRUCTION",
    "CUDA_ERROR_MISALIGNED_ADDRESS",
    "CUDA_ERROR_INVALID_ADDRESS_SPACE",
    "CUDA_ERROR_INVALID_PC",
    "CUDA_ERROR_LAUNCH_FAILED",
    "CUDA_ERROR_EXTERNAL_DEVICE",
    "CUDA_ERROR_TENSOR_MEMORY_LEAK",
    "CUDA_ERROR_MPS_CLIENT_TERMINATED",
    "CUDA_ERROR_DEVICE_UNAVAILABLE",
    "CUDA_ERROR_UNKNOWN",
    "CUBLAS_STATUS_EXECUTION_FAILED",
];

impl Fault {
    /// The kind of failure that a message tells of.
    #[must_use]
    pub fn of(said: &str) -> Self {
        let lower = said.to_lowercase();
        let memory = ["out of memory", "out_of_memory", "alloc_failed", "memory ran out"];
        if memory.iter().any(|words| lower.contains(words)) {
            Self::OutOfMemory
        } else if LOST.iter().any(|name| said.contains(name)) {
            Self::Lost
        } else {
            Self::Other
        }
    }
}

/// The error without the stack that candle appends to it where `RUST_BACKTRACE` is set.
#[must_use]
pub fn without_backtrace(error: Error) -> Error {
    match error {
        Error::WithBacktrace { inner, .. } => without_backtrace(*inner),
        Error::WithPath { inner, path } => Error::WithPath {
            inner: Box::new(without_backtrace(*inner)),
            path,
        },
        Error::Context { inner, context } => Error::Context {
            inner: Box::new(without_backtrace(*inner)),
            context,
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::backtrace::Backtrace;

    use super::*;

    #[test]
    fn failures_are_told_apart_by_their_words() {
        for (said, fault) in [
            (
                r#"DriverError(CUDA_ERROR_OUT_OF_MEMORY, "out of memory")"#,
                Fault::OutOfMemory,
            ),
            ("cuBLAS: CublasError(CUBLAS_STATUS_ALLOC_FAILED)", Fault::OutOfMemory),
            (
                r#"DriverError(CUDA_ERROR_ILLEGAL_ADDRESS, "an illegal memory access was encountered")"#,
                Fault::Lost,
            ),
            (
                r#"DriverError(CUDA_ERROR_LAUNCH_FAILED, "unspecified launch failure")"#,
                Fault::Lost,
            ),
            (r#"DriverError(CUDA_ERROR_ECC_UNCORRECTABLE, "...")"#, Fault::Lost),
            (
                r#"DriverError(CUDA_ERROR_INVALID_VALUE, "invalid argument")"#,
                Fault::Other,
            ),
            ("shape mismatch in add", Fault::Other),
        ] {
            assert_eq!(Fault::of(said), fault, "{said}");
        }
    }

    #[test]
    fn a_backtrace_is_left_behind_wherever_it_stands() {
        let traced = |inner| Error::WithBacktrace {
            inner: Box::new(inner),
            backtrace: Box::new(Backtrace::force_capture()),
        };
        let error = traced(traced(Error::Msg("no kernel".to_owned())).with_path("weights"));
        assert!(error.to_string().lines().count() > 1);
        let plain = without_backtrace(error).to_string();
        assert!(
            plain.lines().count() == 1 && plain.contains("no kernel") && plain.contains("weights"),
            "{plain}"
        );
    }
}
