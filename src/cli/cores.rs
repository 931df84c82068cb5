//! Limits the threads that a process computes with to the cores that it may use.
//!
//! rayon respects the affinity mask (Slurm, cpusets, taskset) and a control group's quota (containers). candle counts all cores
//! of the machine unless `RAYON_NUM_THREADS` is set. Under a limit it then starts one thread per core of the machine, and these
//! wait for one another; the threads of its elementwise operations spin while they wait.

use std::ffi::OsStr;
use std::num::NonZero;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The environment variable that both crates read.
pub const THREADS: &str = "RAYON_NUM_THREADS";

/// Executes the program again in the same process, with `RAYON_NUM_THREADS` set to the cores that it may use, where candle
/// counts more cores than that. Otherwise returns. Call it before any other thread runs.
pub fn limit_threads() {
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
    // `exec` returns only if it fails. The program then goes on slowly, but correctly.
    drop(again.args(arguments).env(THREADS, threads.to_string()).exec());
}

/// The number of threads that each of several processes at once may compute with, so that they do not slow one another down.
/// None if there is one process alone, which decides this itself.
pub fn share(processes: usize) -> Option<usize> {
    let set = std::env::var(THREADS).ok().and_then(|set| set.parse().ok());
    let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
    part(set.filter(|&set| set > 0).unwrap_or_else(cores), processes)
}

fn part(threads: usize, processes: usize) -> Option<usize> {
    (processes > 1).then(|| (threads / processes).max(1))
}

/// The number of threads to set; None where it is set already or all counted cores may be used.
fn limit(counted: usize, may: usize, set: Option<&OsStr>) -> Option<usize> {
    (set.is_none() && counted > may).then_some(may)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_share_the_threads() {
        assert_eq!([part(8, 1), part(8, 2), part(8, 3)], [None, Some(4), Some(2)]);
        assert_eq!(part(2, 5), Some(1));
    }

    #[test]
    fn only_a_thread_count_that_is_too_high_and_not_set_is_changed() {
        assert_eq!(limit(64, 4, None), Some(4));
        assert_eq!([limit(4, 4, None), limit(4, 8, None)], [None, None]);
        assert_eq!(
            limit(64, 4, Some(OsStr::new("64"))),
            None,
            "asked for by the user, or set by this program"
        );
    }
}
