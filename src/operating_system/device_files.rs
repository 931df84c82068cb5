//! Files that are no files on disk: a process's open files by number, and devices that take whatever is written to them.

use std::os::fd::RawFd;
use std::path::PathBuf;

/// The folder that lists this process's open files by their numbers.
pub const OPEN_FILES: &str = if cfg!(target_os = "linux") {
    "/proc/self/fd"
} else {
    "/dev/fd"
};

/// The path of an open file of this process.
pub(super) fn open_file(number: RawFd) -> PathBuf {
    PathBuf::from(OPEN_FILES).join(number.to_string())
}

/// Whether a character device, by its number (`st_rdev`), is a terminal or exists to be written to.
#[cfg(target_os = "linux")]
#[must_use]
pub fn takes_any_output(device: u64) -> bool {
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    // 1 is memory (3 null, 7 full), 4 and 5 are terminals, 136 to 143 are their pseudo kind.
    matches!((major, minor), (1, 3 | 7) | (4 | 5 | 136..=143, _))
}

/// Whether a character device, by its number (`st_rdev`), is a terminal of this process or exists to be written to.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn takes_any_output(device: u64) -> bool {
    is_null_or_own_terminal(device)
}

/// For systems whose device numbers are not documented: whether it is the number of `/dev/null`, of `/dev/tty`, or of a
/// terminal that this process has as a standard stream.
#[cfg(any(test, not(target_os = "linux")))]
fn is_null_or_own_terminal(device: u64) -> bool {
    use std::fs::{self, File};
    use std::io::{self, IsTerminal};
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt;

    fn terminal(stream: impl AsFd + IsTerminal) -> Option<u64> {
        if !stream.is_terminal() {
            return None;
        }
        let file = File::from(stream.as_fd().try_clone_to_owned().ok()?);
        Some(file.metadata().ok()?.rdev())
    }
    let named = |path: &str| fs::metadata(path).ok().map(|found| found.rdev());
    [
        named("/dev/null"),
        named("/dev/tty"),
        terminal(io::stdin()),
        terminal(io::stdout()),
        terminal(io::stderr()),
    ]
    .contains(&Some(device))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn what_is_written_to_dev_null_is_taken_and_other_devices_take_nothing() {
        let number = |path: &str| fs::metadata(path).unwrap().rdev();
        for takes in [takes_any_output, is_null_or_own_terminal] {
            assert!(takes(number("/dev/null")) && takes(number("/dev/tty")));
            assert!(!takes(number("/dev/zero")) && !takes(number("/dev/random")));
        }
    }

    #[test]
    fn an_open_file_has_a_path() {
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, b"here").unwrap();
        let path = open_file(std::os::fd::AsRawFd::as_raw_fd(&file));
        assert_eq!(fs::metadata(path).unwrap().len(), 4);
    }
}
