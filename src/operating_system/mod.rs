//! What the program asks of the operating system where Linux and macOS differ: one function per question. The rest of the
//! program is the same on both. What a system does not tell is `None` or empty, never a guess.
//!
//! The program is tested on Linux. For macOS it is only compiled.

mod device_files;
mod file_locks;
mod machine;
mod readiness;
mod unnamed_file;

pub use device_files::{OPEN_FILES, takes_any_output};
pub use file_locks::{LockHolder, lock_holders, means_no_locks};
pub use machine::{MachineMemory, machine_memory, proc_field, processor_name, resident_bytes};
pub use readiness::{Watched, wait, wait_for_hang_up};
pub use unnamed_file::{create_unnamed, name_unnamed};

/// The most bytes of a socket's path: `sun_path` holds 108 bytes on Linux and 104 elsewhere, with the zero at its end.
pub const LONGEST_SOCKET_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// Whether systemd-logind, where it runs, decides what a logout ends. If not, that is not known.
pub const MAY_HAVE_LOGIND: bool = cfg!(target_os = "linux");
