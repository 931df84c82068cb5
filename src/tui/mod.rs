//! The workbench's screens. Knows the engine only by the session's records and commands.
//!
//! [`run`] shows a run on the terminal; [`app`] holds the state, [`event_loop`] the waiting and drawing, [`screens`] arrange the
//! [`panes`].

mod app;
mod axis;
mod decimate;
mod event_loop;
mod figures;
mod heatmap;
mod input;
mod keymap;
mod panes;
mod pictures;
mod screens;
mod surface;
mod terminal;
mod text;
mod theme;
mod ui;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use crossbeam_channel::{Receiver, Sender, unbounded};

pub use theme::{Depth, Theme};

use crate::session::{Command, Record, RunState};

/// A run to be shown.
#[derive(Debug)]
pub struct Viewer {
    /// The run's records as they come. The sender must not wait for the screen (a slow terminal would hold the run up): let the channel
    /// be unbounded. Records that `history` holds already are passed over.
    pub records: Receiver<Record>,
    /// Where the run takes commands; nothing for one that has ended or that belongs to another process.
    pub commands: Option<Sender<Command>>,
    /// What was before: the state folded from the journal so far.
    pub history: RunState,
    /// The session's folder: files that events name lie under it.
    pub session_dir: PathBuf,
    /// The session's name for the header.
    pub title: String,
    /// Whether the run is this process's, so that leaving asks what becomes of it.
    pub owns_run: bool,
    pub theme: Theme,
    /// What the run says is drawn at most so many times a second; what a key does is seen sooner.
    pub fps: u32,
    /// Whether samples are shown with their pictures, or as text alone.
    pub pictures: bool,
}

impl Viewer {
    /// A run of which nothing is known yet, without commands, in the colours that the environment speaks for, with
    /// pictures and ten frames a second.
    #[must_use]
    pub fn new(records: Receiver<Record>, session_dir: PathBuf, title: impl Into<String>) -> Self {
        Self {
            records,
            commands: None,
            history: RunState::default(),
            session_dir,
            title: title.into(),
            owns_run: false,
            theme: Theme::from_environment(|name| std::env::var(name).ok()),
            fps: 10,
            pictures: true,
        }
    }
}

/// Why the screen was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The person left, and no run of this process was at work.
    Quit,
    /// The run was told to stop after its step: by the person (it has ended, or the person did not want to wait) or by SIGTERM.
    StopRequested,
    /// The run goes on without a screen.
    Detach,
    /// The terminal is gone; standard input, output and error are /dev/null now. A run goes on.
    TerminalGone,
}

/// What keeps the screens from being shown.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// No terminal, or one that cannot be set up.
    #[error("the terminal cannot be used ({0}); run with --headless where there is none")]
    Terminal(#[source] std::io::Error),
    /// A thread, pipe or signal handler could not be made.
    #[error("the screens cannot be started: {0}")]
    Start(#[source] std::io::Error),
}

/// Shows a run until the person leaves, the terminal is gone or a stop that was asked for has happened. The terminal is restored in
/// every case, panics included.
///
/// # Errors
/// Where the terminal cannot be set up. What happens to it later is an [`Exit`].
pub fn run(viewer: Viewer) -> Result<Exit, TuiError> {
    let (sender, inputs) = unbounded();
    let records = viewer.records.clone();
    let mut app = app::App::new(viewer).map_err(TuiError::Start)?;
    let (guard, mut screen) = terminal::Guard::take().map_err(TuiError::Terminal)?;
    let input_thread = input::InputThread::start(sender).map_err(TuiError::Start)?;
    let exit = event_loop::run(&mut screen, &mut app, &inputs, &records);
    drop(input_thread);
    if exit == Exit::TerminalGone {
        guard.abandon().map_err(TuiError::Terminal)?;
    }
    Ok(exit)
}
