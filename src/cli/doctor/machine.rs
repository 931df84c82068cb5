//! Processor, memory and graphics cards.

use std::fs;
use std::panic;
use std::path::Path;

use candle_core::Device;

use super::finding::Finding;
use crate::operating_system::{MachineMemory, proc_field, processor_name};

/// With less memory available the default demo may not fit.
const LOW_MEMORY: u64 = 2 << 30;
/// The driver's folder, with one folder per card.
const CARDS: &str = "/proc/driver/nvidia/gpus";

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
        let text = format!("{} in total; how much is available is unknown", gib(total));
        return Finding::note("memory", text);
    };
    let text = format!("{} in total, {} available", gib(total), gib(available));
    if available < LOW_MEMORY {
        let advice = "; close other programs, or lower train.batch_size, model.max_pixels and data.cache_mb";
        return Finding::note("memory", text + advice);
    }
    Finding::ok("memory", text)
}

/// The graphics cards, and whether the first one can be used. `wanted`: whether the command line asks for a GPU.
pub(super) fn devices(wanted: bool) -> Vec<Finding> {
    let cards = cards(Path::new(CARDS));
    let mut findings = vec![seen(&cards)];
    if candle_core::utils::cuda_is_available() {
        // The bindings panic if the driver's library is missing.
        let opened = panic::catch_unwind(|| Device::new_cuda(0));
        let reason = match opened {
            Ok(Ok(_)) => {
                return findings
                    .into_iter()
                    .chain([Finding::ok("device", "cuda:0 can be used")])
                    .collect();
            }
            Ok(Err(error)) => crate::engine::device::first_line(&error),
            Err(_) => "the driver's library, libcuda.so, cannot be loaded".to_owned(),
        };
        findings.push(unusable(wanted || !cards.is_empty(), &reason));
    } else if wanted || !cards.is_empty() {
        findings.push(unusable(
            wanted,
            "this program was built without CUDA; build it with `cargo build --release --features cuda`",
        ));
    } else {
        findings.push(Finding::ok("device", "cpu"));
    }
    findings
}

fn unusable(problem: bool, reason: &str) -> Finding {
    let text = format!("the CPU is used, not CUDA: {reason}");
    if problem {
        Finding::problem("device", text)
    } else {
        Finding::note("device", text)
    }
}

fn seen(cards: &[String]) -> Finding {
    match cards {
        [] => Finding::note(
            "gpu",
            "no NVIDIA card was found; models with billions of weights need one",
        ),
        cards => Finding::ok("gpu", format!("{}: {}", cards.len(), cards.join(", "))),
    }
}

/// The cards' names in the order of their bus addresses.
fn cards(folder: &Path) -> Vec<String> {
    let mut folders: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    folders.sort();
    let name = |folder: &Path| {
        let text = fs::read_to_string(folder.join("information")).ok()?;
        Some(proc_field(&text, "Model")?.to_owned())
    };
    folders
        .iter()
        .map(|folder| name(folder).unwrap_or_else(|| "a card without a name".to_owned()))
        .collect()
}

/// `3.1 GiB`.
pub(super) fn gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
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

    #[test]
    fn gpus_have_the_drivers_names() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        assert!(cards(&folder.path().join("none")).is_empty());
        for (address, text) in [
            ("0000:02:00.0", "IRQ: 4\n"),
            ("0000:01:00.0", "Model: \t NVIDIA H100\nIRQ: 3\n"),
        ] {
            fs::create_dir(folder.path().join(address))?;
            fs::write(folder.path().join(address).join("information"), text)?;
        }
        assert_eq!(cards(folder.path()), ["NVIDIA H100", "a card without a name"]);
        Ok(())
    }
}
