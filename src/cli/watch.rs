//! How a run of this process is shown: on the workbench's screen, or as lines on stderr.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::failure::Failure;
use super::progress;
use crate::engine::Running;
use crate::session::SessionFolder;
use crate::tui::{self, Exit, Viewer};

/// Screen or lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    Screen,
    Headless,
}

impl View {
    /// The screen where there is a terminal.
    #[must_use]
    pub fn best() -> Self {
        if io::stdout().is_terminal() && io::stdin().is_terminal() { Self::Screen } else { Self::Headless }
    }
}

/// SIGTERM asks the run to write a checkpoint and end after its step.
///
/// # Errors
/// Where the signal cannot be handled.
pub fn stop_on_sigterm(terminate: &Arc<AtomicBool>) -> Result<(), Failure> {
    signal_hook::flag::register(signal_hook::consts::SIGTERM, Arc::clone(terminate))
        .map(drop)
        .map_err(|error| Failure::failed(format!("cannot handle SIGTERM: {error}")))
}

/// Shows the run until it ends. A run whose screen was left, or whose terminal is gone, goes on without one.
///
/// # Errors
/// Where the terminal cannot be used.
pub fn watch(running: &Running, folder: &SessionFolder, view: View, logging_steps: u64) -> Result<(), Failure> {
    if view == View::Screen {
        let mut viewer = Viewer::new(running.records.clone(), folder.path().to_owned(), folder.name());
        viewer.commands = Some(running.commands.clone());
        viewer.owns_run = true;
        match tui::run(viewer)? {
            Exit::Detach | Exit::StopRequested => eprintln!("{} goes on here; the journal is {}", folder.name(), folder.journal().display()),
            Exit::Quit | Exit::TerminalGone => {}
        }
        // Nothing is printed any more where the terminal is gone: standard error is /dev/null then.
    }
    progress::follow(running.records.clone(), logging_steps);
    Ok(())
}
