//! The machine's processor and memory, and the memory of this process: from `/proc` on Linux, from `sysctl` on macOS, which
//! tells less.

use std::fs;

/// The machine's memory in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MachineMemory {
    pub total: u64,
    /// What programs may still take without swapping, if the system tells it. Linux does.
    pub available: Option<u64>,
}

/// The machine's memory, if the system tells it.
#[cfg(not(target_os = "macos"))]
#[must_use]
pub fn machine_memory() -> Option<MachineMemory> {
    MachineMemory::from_meminfo(&fs::read_to_string("/proc/meminfo").ok()?)
}

/// The machine's memory, if the system tells it.
#[cfg(target_os = "macos")]
#[must_use]
pub fn machine_memory() -> Option<MachineMemory> {
    MachineMemory::from_memsize(&system_control("hw.memsize")?)
}

impl MachineMemory {
    /// From the text of `/proc/meminfo`.
    #[cfg(any(test, not(target_os = "macos")))]
    fn from_meminfo(text: &str) -> Option<Self> {
        let bytes = |key: &str| {
            let kilobytes = proc_field(text, key)?.strip_suffix("kB")?.trim().parse::<u64>().ok()?;
            kilobytes.checked_mul(1024)
        };
        Some(Self {
            total: bytes("MemTotal")?,
            available: bytes("MemAvailable"),
        })
    }

    /// From the value of macOS's `hw.memsize`, in bytes.
    #[cfg(any(test, target_os = "macos"))]
    fn from_memsize(text: &str) -> Option<Self> {
        Some(Self {
            total: text.trim().parse().ok()?,
            available: None,
        })
    }
}

/// The processor's name, if the system tells it.
#[cfg(not(target_os = "macos"))]
#[must_use]
pub fn processor_name() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    proc_field(&text, "model name").map(str::to_owned)
}

/// The processor's name, if the system tells it.
#[cfg(target_os = "macos")]
#[must_use]
pub fn processor_name() -> Option<String> {
    system_control("machdep.cpu.brand_string")
}

/// The value of a name of macOS's `sysctl`.
#[cfg(target_os = "macos")]
fn system_control(name: &str) -> Option<String> {
    use sysctl::{Ctl, Sysctl};

    Ctl::new(name).ok()?.value_string().ok()
}

/// Resident memory of this process in bytes, if the system tells it.
#[must_use]
pub fn resident_bytes() -> Option<u64> {
    resident_pages(&fs::read_to_string("/proc/self/statm").ok()?)?.checked_mul(rustix::param::page_size() as u64)
}

/// From the text of `/proc/self/statm`: all pages, the resident ones, and more.
fn resident_pages(statm: &str) -> Option<u64> {
    statm.split_whitespace().nth(1)?.parse().ok()
}

/// What follows `key:` on a line of a file of `/proc`.
#[must_use]
pub fn proc_field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs
        .find(|(name, _)| name.trim() == key)
        .map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_what_the_system_tells_and_nothing_else() {
        let meminfo = "MemTotal:  16777216 kB\nMemFree: 1 kB\nMemAvailable: 1024 kB\n";
        let known = |total, available| Some(MachineMemory { total, available });
        assert_eq!(MachineMemory::from_meminfo(meminfo), known(16 << 30, Some(1 << 20)));
        assert_eq!(MachineMemory::from_meminfo("MemTotal: 1 kB\n"), known(1024, None));
        for unknown in [
            "",
            "MemTotal: many\nMemAvailable: 1 kB\n",
            "MemTotal: 18446744073709551615 kB\n",
        ] {
            assert_eq!(MachineMemory::from_meminfo(unknown), None, "{unknown:?}");
        }
        assert_eq!(MachineMemory::from_memsize("17179869184"), known(16 << 30, None));
        assert_eq!(
            [MachineMemory::from_memsize(""), MachineMemory::from_memsize("-1")],
            [None; 2]
        );
    }

    #[test]
    fn resident_pages_are_the_second_number() {
        assert_eq!(resident_pages("900 77 3 4 0 5 0\n"), Some(77));
        assert_eq!(
            [resident_pages(""), resident_pages("900"), resident_pages("1 x")],
            [None; 3]
        );
    }

    #[test]
    fn this_machine_tells_its_memory() {
        let memory = machine_memory().unwrap();
        assert!(
            memory.total > 0 && memory.available.is_none_or(|available| available <= memory.total),
            "{memory:?}"
        );
        let linux = cfg!(target_os = "linux");
        assert_eq!((memory.available.is_some(), resident_bytes().is_some()), (linux, linux));
    }
}
