//! Locks on files (`flock`): who holds one, and which error means that a file system has none.

use std::fs;
use std::os::unix::fs::MetadataExt;

use rustix::io::Errno;

/// A process that holds a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockHolder {
    pub process: u32,
    /// The user that it runs as, if the process is still there to be asked.
    pub user: Option<u32>,
}

/// The processes that hold a lock on the file with this inode; empty if the system does not tell. Linux alone does, in
/// `/proc/locks`.
#[must_use]
pub fn lock_holders(inode: u64) -> Vec<LockHolder> {
    let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
    let user = |process: u32| {
        fs::metadata(format!("/proc/{process}"))
            .ok()
            .map(|process| process.uid())
    };
    let holder = |process| LockHolder {
        process,
        user: user(process),
    };
    processes(&locks, inode).into_iter().map(holder).collect()
}

/// The processes that hold a lock on a file, from the lines of `/proc/locks`:
/// `1: FLOCK  ADVISORY  WRITE 4711 08:01:131090 0 EOF`. The device is ignored: some file systems report another one there.
fn processes(locks: &str, inode: u64) -> Vec<u32> {
    let holder = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let of = words.get(5)?.rsplit(':').next()?.parse::<u64>().ok()?;
        (words.get(1) == Some(&"FLOCK") && of == inode).then(|| words.get(4)?.parse().ok())?
    };
    locks.lines().filter_map(holder).collect()
}

/// Whether this error of `flock` means that the file system has no locks on such a file.
#[must_use]
pub fn means_no_locks(error: Errno) -> bool {
    // `NOTSUP` is another name of `OPNOTSUPP` on Linux and another error on macOS, where network file systems return it.
    [
        Errno::NOSYS,
        Errno::NOLCK,
        Errno::OPNOTSUPP,
        Errno::NOTSUP,
        Errno::INVAL,
        Errno::BADF,
        Errno::ISDIR,
    ]
    .contains(&error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_a_lock_is_told_by_its_inode() {
        let locks = "1: POSIX  ADVISORY  WRITE 11 08:01:131090 0 EOF\n2: FLOCK  ADVISORY  WRITE 12 08:01:131090 0 EOF\n\
                     3: FLOCK  ADVISORY  READ 13 00:2f:131090 0 EOF\n3: -> FLOCK\n4: FLOCK  ADVISORY  WRITE 14 08:01:7 0 EOF\n";
        assert_eq!(processes(locks, 131_090), [12, 13]);
        assert_eq!(processes(locks, 8), [0_u32; 0]);
        assert_eq!(processes("", 131_090), [0_u32; 0], "a system without the list");
    }

    #[test]
    fn a_lock_that_is_refused_is_no_missing_lock() {
        assert!(means_no_locks(Errno::OPNOTSUPP) && means_no_locks(Errno::NOTSUP));
        assert!(!means_no_locks(Errno::WOULDBLOCK) && !means_no_locks(Errno::INTR) && !means_no_locks(Errno::IO));
    }
}
