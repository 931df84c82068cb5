//! The command line: one file a command.

pub mod args;
pub mod sessions;

use std::process::ExitCode;

/// Parses the arguments and runs the command; the exit status is 0 done, 1 failed, 2 wrong usage.
pub fn run() -> ExitCode {
    ExitCode::SUCCESS
}
