//! How a run of this process is shown: on the workbench's screen, or as lines on stderr.

use std::io::{self, IsTerminal};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::appearance::dress;
use super::args::ConfigArgs;
use super::failure::Failure;
use super::new_run::NewRun;
use super::progress;
use super::say::say;
use super::workbench::Desk;
use crate::config::{ConfigFile, Settings, Sources};
use crate::engine::Running;
use crate::printable::{printable, printable_path};
use crate::session::SessionFolder;
use crate::tui::{self, Exit, TuiError, Viewer};

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
        if io::stdout().is_terminal() && io::stdin().is_terminal() {
            Self::Screen
        } else {
            Self::Headless
        }
    }
}

/// SIGTERM or SIGINT asks the run to write a checkpoint and end after its step; SIGHUP (the terminal is gone) changes nothing,
/// for the run goes on without one.
///
/// # Errors
/// Where the signals cannot be handled.
pub fn handle_signals(terminate: &Arc<AtomicBool>) -> Result<(), Failure> {
    let register = |signal, flag| {
        signal_hook::flag::register(signal, flag)
            .map(drop)
            .map_err(|error| Failure::failed(format!("cannot handle signal {signal}: {error}")))
    };
    register(signal_hook::consts::SIGTERM, Arc::clone(terminate))?;
    // Ctrl-c without a screen is the same; where it is pressed again, the process ends at once.
    let again =
        signal_hook::flag::register_conditional_shutdown(signal_hook::consts::SIGINT, 130, Arc::clone(terminate));
    again.map_err(|error| Failure::failed(format!("cannot handle ctrl-c: {error}")))?;
    register(signal_hook::consts::SIGINT, Arc::clone(terminate))?;
    register(signal_hook::consts::SIGHUP, Arc::default())?;
    // A file that may not grow any more is then an error of the write, and not the end.
    register(signal_hook::consts::SIGXFSZ, Arc::default())
}

/// Shows the run until it ends. A run whose screen was left or cannot be opened, or whose terminal is gone, goes on without
/// one.
pub fn watch(running: &Running, folder: &SessionFolder, view: View, settings: &Settings) {
    if view == View::Screen {
        let mut viewer = Viewer::new(running.records.clone(), folder.path().to_owned(), folder.name());
        viewer.commands = Some(running.commands.clone());
        viewer.owns_run = true;
        if let Err(failure) = dress(&mut viewer, &settings.tui) {
            say(failure);
        }
        viewer.sessions = Some(settings.session.root.clone());
        // When the run is over, its own record says how its model is opened.
        viewer.host = Some(Box::new(Desk {
            sources: Sources {
                config: ConfigFile::None,
                ..Sources::default()
            },
            new_run: NewRun::new(ConfigArgs::default().sources()),
        }));
        let goes_on = format!(
            "{} goes on here; the journal is {}",
            printable(folder.name()),
            printable_path(&folder.journal())
        );
        match shown(|| tui::run(viewer)) {
            Ok(Exit::Detach | Exit::StopRequested) => say(goes_on),
            Ok(Exit::Quit | Exit::TerminalGone) => {}
            // The engine is at work already, and needs no terminal.
            Err(error) => say(format!("{error}; {goes_on}")),
        }
        // Nothing is printed any more where the terminal is gone: standard error is /dev/null then.
    }
    progress::follow(running.records.clone(), settings.train.logging_steps);
}

/// What became of the screen. One that fails in a panic has restored the terminal and said why; the run goes on without.
fn shown(show: impl FnOnce() -> Result<Exit, TuiError>) -> Result<Exit, TuiError> {
    catch_unwind(AssertUnwindSafe(show)).unwrap_or(Ok(Exit::Detach))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_that_panics_leaves_the_run_alone() {
        assert_eq!(shown(|| panic!("a pane is broken")).ok(), Some(Exit::Detach));
        assert_eq!(shown(|| Ok(Exit::Quit)).ok(), Some(Exit::Quit));
    }
}
