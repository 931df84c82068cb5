//! `masp sweep`: runs of a group, one for each combination of settings and seeds. Each is an ordinary session that a process of
//! its own trains; the same command again goes on with those that are not finished.

mod file;
mod found;
mod headless;
mod lock;
mod name;
mod plan;
mod run;
mod schedule;
mod screen;
mod varied;

use std::process::ExitCode;

use super::args::SweepArgs;
use super::detach;
use super::failure::Failure;
use super::output::Output;
use lock::{Locked, SweepLock};
use plan::Plan;

/// Runs the command.
///
/// # Errors
/// Wrong usage, before any run begins; the runs that failed.
pub fn run(args: &SweepArgs) -> Result<ExitCode, Failure> {
    detach::leave_terminal();
    let plan = Plan::of(args)?;
    let found = plan.found()?;
    if !args.headless && !args.json && Output::best() == Output::Screen {
        return screen::show(&plan);
    }
    match SweepLock::take(&plan.root, &plan.name)? {
        Locked::Now(_lock) => headless::carry_out_plan(&plan, &found, args),
        Locked::By(process) => {
            let process = process
                .map(|process| format!(" (process {process})"))
                .unwrap_or_default();
            Err(Failure::failed(format!(
                "the sweep {} is at work in another process{process}; `masp` shows its runs",
                plan.name
            )))
        }
    }
}
