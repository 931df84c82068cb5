//! How a run of this process is shown: on the workbench's screen, or as lines on stderr.

use std::io::{self, IsTerminal};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::failure::Failure;
use super::progress;
use super::workbench::Models;
use crate::config::{ConfigFile, Images, Settings, Sources};
use crate::engine::Running;
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

/// How the screens show pictures, as the settings have it.
#[must_use]
pub const fn pictures(images: Images) -> tui::Images {
    match images {
        Images::Auto => tui::Images::Auto,
        Images::Halfblocks => tui::Images::Halfblocks,
        Images::Kitty => tui::Images::Kitty,
        Images::Iterm2 => tui::Images::Iterm2,
        Images::Sixel => tui::Images::Sixel,
        Images::Off => tui::Images::Off,
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
    register(signal_hook::consts::SIGHUP, Arc::default())?;
    // A file that may not grow any more is then an error of the write, and not the end.
    register(signal_hook::consts::SIGXFSZ, Arc::default())
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
        viewer.images = pictures(settings.tui.images);
        viewer.sessions = Some(settings.session.root.clone());
        // When the run is over, its own record says how its model is opened.
        viewer.host = Some(Box::new(Models {
            sources: Sources {
                config: ConfigFile::None,
                ..Sources::default()
            },
        }));
        match shown(|| tui::run(viewer))? {
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
