//! `masp completions SHELL`: prints a shell's completion script for commands, flags and their values.

use std::io::{Write, stdout};
use std::process::ExitCode;

use clap::CommandFactory;

use super::args::{Cli, CompletionsArgs};
use super::failure::Failure;

/// Runs the command.
///
/// # Errors
/// Where standard output cannot be written.
pub fn run(args: &CompletionsArgs) -> Result<ExitCode, Failure> {
    // Into memory first: the library panics where its writer fails.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "masp", &mut script);
    stdout().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}
