//! How a run of this process is shown: on the workbench's screen, or as lines on stderr.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::failure::Failure;
use super::progress;
use super::workbench::Models;
use crate::config::{ConfigFile, Images, Settings, Sources};
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
        if io::stdout().is_terminal() && io::stdin().is_terminal() {
            Self::Screen
        } else {
            Self::Headless
        }
    }
}

/// SIGTERM asks the run to write a checkpoint and end after its step; SIGHUP (the terminal is gone) changes nothing,
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
    register(signal_hook::consts::SIGHUP, Arc::new(AtomicBool::new(false)))
}

/// Shows the run until it ends. A run whose screen was left, or whose terminal is gone, goes on without one.
///
/// # Errors
/// Where the terminal cannot be used.
pub fn watch(running: &Running, folder: &SessionFolder, view: View, settings: &Settings) -> Result<(), Failure> {
    if view == View::Screen {
        let mut viewer = Viewer::new(running.records.clone(), folder.path().to_owned(), folder.name());
        viewer.commands = Some(running.commands.clone());
        viewer.owns_run = true;
        viewer.fps = settings.tui.fps;
        viewer.pictures = settings.tui.images != Images::Off;
        viewer.sessions = Some(settings.session.root.clone());
        // When the run is over, its own record says how its model is opened.
        viewer.host = Some(Box::new(Models {
            sources: Sources {
                config: ConfigFile::None,
                ..Sources::default()
            },
        }));
        match tui::run(viewer)? {
            Exit::Detach | Exit::StopRequested => eprintln!(
                "{} goes on here; the journal is {}",
                folder.name(),
                folder.journal().display()
            ),
            Exit::Quit | Exit::TerminalGone => {}
        }
        // Nothing is printed any more where the terminal is gone: standard error is /dev/null then.
    }
    progress::follow(running.records.clone(), settings.train.logging_steps);
    Ok(())
}
