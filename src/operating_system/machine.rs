//! The machine's processor and memory, and the memory of this process, from `/proc`. Only Linux has these files; elsewhere
//! nothing of this is known.

use std::fs;

/// The machine's memory in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MachineMemory {
    pub total: u64,
    /// What programs may still take without swapping.
    pub available: u64,
}

/// The machine's memory, if the system tells it.
#[must_use]
pub fn machine_memory() -> Option<MachineMemory> {
    MachineMemory::from_meminfo(&fs::read_to_string("/proc/meminfo").ok()?)
}

impl MachineMemory {
    /// From the text of `/proc/meminfo`.
    fn from_meminfo(text: &str) -> Option<Self> {
        let bytes = |key: &str| {
            let kilobytes = proc_field(text, key)?.strip_suffix("kB")?.trim().parse::<u64>().ok()?;
            kilobytes.checked_mul(1024)
        };
        Some(Self {
            total: bytes("MemTotal")?,
            available: bytes("MemAvailable")?,
        })
    }
}

/// The processor's name, if the system tells it.
#[must_use]
pub fn processor_name() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    proc_field(&text, "model name").map(str::to_owned)
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
    fn memory_is_known_only_if_both_numbers_are() {
        let memory = MachineMemory::from_meminfo("MemTotal:  16777216 kB\nMemFree: 1 kB\nMemAvailable: 1024 kB\n");
        let expected = MachineMemory {
            total: 16 << 30,
            available: 1 << 20,
        };
        assert_eq!(memory, Some(expected));
        for unknown in [
            "",
            "MemTotal: 1 kB\n",
            "MemTotal: many\nMemAvailable: 1 kB\n",
            "MemTotal: 18446744073709551615 kB\nMemAvailable: 1 kB\n",
        ] {
            assert_eq!(MachineMemory::from_meminfo(unknown), None, "{unknown:?}");
        }
    }

    #[test]
    fn resident_pages_are_the_second_number() {
        assert_eq!(resident_pages("900 77 3 4 0 5 0\n"), Some(77));
        assert_eq!(
            [resident_pages(""), resident_pages("900"), resident_pages("1 x")],
            [None; 3]
        );
    }

    /// On Linux all is told; on another system nothing, and no other number stands for it.
    #[test]
    fn this_machine_tells_its_memory_on_linux_alone() {
        let linux = cfg!(target_os = "linux");
        assert_eq!(
            machine_memory().is_some_and(|memory| memory.total >= memory.available),
            linux
        );
        assert_eq!(resident_bytes().is_some_and(|bytes| bytes > 0), linux);
    }
}
