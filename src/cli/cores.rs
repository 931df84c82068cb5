//! The threads that a process computes with: no more than the cores that it may use.
//!
//! rayon heeds the affinity mask (Slurm, cpusets, taskset) and a control group's quota (containers). candle counts the cores of
//! the machine unless `RAYON_NUM_THREADS` says otherwise: then as many threads wait for one another as the machine has cores,
//! and those of its elementwise operations burn their share while they do.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// What both crates read.
const THREADS: &str = "RAYON_NUM_THREADS";

/// Begins the program again, as the same process, with the number of threads that it may use, where candle counts more cores than
/// that. To be called before any other thread runs; where nothing is to be changed, it returns.
pub fn heed_limits() {
    let Ok(may) = std::thread::available_parallelism() else {
        return;
    };
    let counted = candle_core::utils::get_num_threads();
    let Some(threads) = limit(counted, may.get(), std::env::var_os(THREADS).as_deref()) else {
        return;
    };
    let Ok(program) = std::env::current_exe() else { return };
    let mut arguments = std::env::args_os();
    let mut again = Command::new(program);
    if let Some(name) = arguments.next() {
        again.arg0(name);
    }
    // It returns only where it failed, and then the program is slow, but right.
    drop(again.args(arguments).env(THREADS, threads.to_string()).exec());
}

/// The number of threads to set; nothing where it is set already or the cores that were counted may be used.
fn limit(counted: usize, may: usize, set: Option<&OsStr>) -> Option<usize> {
    (set.is_none() && counted > may).then_some(may)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_too_many_and_was_not_asked_for_is_changed() {
        assert_eq!(limit(64, 4, None), Some(4));
        assert_eq!([limit(4, 4, None), limit(4, 8, None)], [None, None]);
        assert_eq!(
            limit(64, 4, Some(OsStr::new("64"))),
            None,
            "asked for by the user, or set by this program"
        );
    }
}
