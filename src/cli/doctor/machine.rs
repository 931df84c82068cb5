//! Processor and memory.

use super::finding::Finding;
use crate::figures;
use crate::operating_system::{MachineMemory, processor_name};

/// With less memory available the default demo may not fit.
const LOW_MEMORY: u64 = 2 << 30;

/// Cores that this process may use, and the threads that it computes with.
pub(super) fn cpu() -> Finding {
    let threads = candle_core::utils::get_num_threads();
    let model = processor_name().map(|model| format!(" ({model})")).unwrap_or_default();
    match std::thread::available_parallelism().map(usize::from) {
        Ok(cores) if cores == threads => Finding::ok("cpu", format!("{cores} cores, {threads} threads{model}")),
        Ok(cores) => Finding::note(
            "cpu",
            format!(
                "{cores} cores but {threads} threads{model}; set RAYON_NUM_THREADS={cores} for one thread per core"
            ),
        ),
        Err(error) => Finding::note(
            "cpu",
            format!("{threads} threads{model}; the number of cores is unknown: {error}"),
        ),
    }
}

/// The machine's memory, where it is known.
pub(super) fn memory(memory: Option<MachineMemory>) -> Finding {
    let Some(MachineMemory { total, available }) = memory else {
        return Finding::note("memory", "unknown: the system does not tell it");
    };
    let Some(available) = available else {
        let text = format!("{} in total; how much is available is unknown", figures::memory(total));
        return Finding::note("memory", text);
    };
    let text = format!(
        "{} in total, {} available",
        figures::memory(total),
        figures::memory(available)
    );
    if available < LOW_MEMORY {
        let advice = "; close other programs, or lower train.batch_size, model.max_pixels and data.cache_mb";
        return Finding::note("memory", text + advice);
    }
    Finding::ok("memory", text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Level;

    #[test]
    fn low_or_unknown_memory_is_noted() {
        let with = |available: Option<u64>| {
            memory(Some(MachineMemory {
                total: 16 << 30,
                available,
            }))
        };
        assert_eq!(
            with(Some(8 << 30)),
            Finding::ok("memory", "16.0 GiB in total, 8.0 GiB available")
        );
        assert_eq!(with(Some(1 << 30)).level, Level::Note);
        assert_eq!(
            with(None),
            Finding::note("memory", "16.0 GiB in total; how much is available is unknown")
        );
        let unknown = memory(None);
        assert!(
            unknown.level == Level::Note && unknown.text.starts_with("unknown"),
            "{}",
            unknown.text
        );
    }
}
