//! A sweep in a terminal: its runs are carried out in the background, and the workbench shows their sessions.

use std::ffi::OsString;
use std::process::ExitCode;

use super::lock::{Locked, SweepLock};
use super::plan::Plan;
use crate::cli::detach::Background;
use crate::cli::failure::Failure;
use crate::cli::say::say;
use crate::cli::sessions::print_groups;
use crate::cli::workbench;
use crate::tui::Viewer;

/// Carries out the sweep in the background, unless a process is at work on it already, and shows its sessions until the
/// person leaves. The sweep goes on without the screen.
///
/// # Errors
/// Where no process can be started, the terminal cannot be used, or runs have failed by then.
pub fn show(plan: &Plan) -> Result<ExitCode, Failure> {
    let mut background = match SweepLock::take(&plan.root, &plan.name)? {
        Locked::By(_) => None,
        // The process that carries out the sweep takes the lock itself.
        Locked::Now(lock) => {
            drop(lock);
            let given = std::env::args_os().skip(1);
            let arguments: Vec<OsString> = given.chain(["--headless".into()]).collect();
            Some(Background::start(&arguments, None)?)
        }
    };
    let seeds = plan.runs.iter().map(|run| run.settings.train.seed);
    let mut viewer = Viewer::new(plan.root.clone(), "");
    viewer.filter = format!("name:{}.", plan.name);
    viewer.more_to_come = true;
    viewer.grouped = seeds.clone().max() != seeds.min();
    workbench::show(viewer, plan.common.clone(), &plan.settings)?;

    let name = &plan.name;
    let goes_on = "`masp sweep` with the same arguments shows it again, and goes on with it once it has ended";
    let Some(process) = &mut background else {
        say(format_args!("{name} is carried out by another process; {goes_on}"));
        return Ok(ExitCode::SUCCESS);
    };
    match process.ended()? {
        None => {
            say(format_args!(
                "{name} goes on in the background (process {0}): `kill {0}` stops its runs with their checkpoints; {goes_on}",
                process.id()
            ));
            Ok(ExitCode::SUCCESS)
        }
        Some(ended) => {
            print_groups(&plan.sessions(), false)?;
            ended.map(|()| ExitCode::SUCCESS)
        }
    }
}
