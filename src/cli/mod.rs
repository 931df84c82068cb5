//! The command line: one file a command.

mod appearance;
pub mod args;
mod chosen_model;
mod compare;
mod completions;
mod cores;
mod data;
mod demo;
mod detach;
mod doctor;
mod eval;
mod failure;
mod host;
mod json;
mod man;
mod new_run;
mod output;
mod phases;
mod predict;
mod progress;
mod recorded_session;
mod run_folder;
mod say;
mod sessions;
mod show;
mod show_run;
mod signals;
mod sweep;
mod train;
mod watchdog;
mod workbench;

use std::process::ExitCode;

use args::{Cli, Command};
use failure::Failure;

/// Parses the arguments and runs the command; the exit status is 0 done, 1 failed, 2 wrong usage.
#[must_use]
pub fn run() -> ExitCode {
    cores::limit_threads();
    let cli = match Cli::from_argv(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            // The reader of --help may have closed the pipe, which is not an error.
            drop(error.print());
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    dispatch(&cli).unwrap_or_else(|failure| {
        if failure.is_closed_pipe() {
            return ExitCode::SUCCESS;
        }
        say::say(format_args!("masp: {failure}"));
        failure.exit_code()
    })
}

fn dispatch(cli: &Cli) -> Result<ExitCode, Failure> {
    match &cli.command {
        None => workbench::run(cli),
        Some(Command::Demo(args)) => demo::run(args),
        Some(Command::Train(args)) => train::run(args),
        Some(Command::Sweep(args)) => sweep::run(args),
        Some(Command::Eval(args)) => eval::run(args),
        Some(Command::Predict(args)) => predict::run(args),
        Some(Command::Data { command }) => data::run(command),
        Some(Command::Sessions { command }) => sessions::run(command),
        Some(Command::Doctor(args)) => doctor::run(args),
        Some(Command::Compare(args)) => compare::run(args),
        Some(Command::Attach(args)) => workbench::attach(args),
        Some(Command::Replay(args)) => workbench::replay(args),
        Some(Command::Completions(args)) => completions::run(args),
        Some(Command::Man(args)) => man::run(args),
    }
}
