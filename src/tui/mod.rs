//! The workbench's screens. Knows the engine only by the session's records and commands.
//!
//! [`run`] shows a run on the terminal; [`app`] holds the state, [`event_loop`] the waiting and drawing, [`screens`] arrange the
//! [`panes`].

mod abilities;
mod act;
mod app;
mod axis;
mod backend;
mod background;
mod browse;
mod canvas;
mod compare;
mod cursor;
mod decimate;
mod event_loop;
mod follow;
mod graphics;
mod input;
mod look;
mod map_style;
mod meter;
mod metric;
mod model;
mod offers;
mod opening;
mod overlays;
mod palette;
mod panes;
mod pictures;
mod pixels;
mod player;
mod probe;
mod reader;
#[doc(hidden)]
pub mod rehearsal;
mod screens;
mod seeking;
mod series;
mod sessions;
mod span;
mod surface;
mod terminal;
mod terminfo;
mod typed;
mod ui;

#[cfg(test)]
mod tests;

use std::{
    io::{self, BufWriter},
    path::{Path, PathBuf},
};

use crossbeam_channel::{Receiver, Sender, never, unbounded};

pub use abilities::Abilities;
pub use follow::Following;
pub use graphics::Images;
pub use sessions::form::Field;

use self::{canvas::Canvas, input::Input};
use crate::{
    keymap::Keymap,
    session::{Command, ImageResult, Origin, Record, RunState, SessionFolder},
    theme::{Depth, Theme},
};

/// What the screens ask for that lies outside of them.
pub trait Host: Send + std::fmt::Debug {
    /// Opens the model of the session in a folder, at the checkpoint of a step of the prompt stage or at the newest
    /// checkpoint.
    ///
    /// # Errors
    /// A sentence for the person.
    fn study(&mut self, session: &Path, step: Option<u64>) -> Result<Study, String>;

    /// Removes a session with all that is in its folder.
    ///
    /// # Errors
    /// A message for the person, such as that a running session cannot be removed.
    fn remove(&mut self, session: &Path) -> Result<(), String>;

    /// Exports a session to a file in the background, in the format of its extension. The channel receives the file's
    /// path, or why nothing was written.
    ///
    /// # Errors
    /// A message if the export cannot be started.
    fn export(&mut self, session: &Path, to: &Path) -> Result<Receiver<Result<PathBuf, String>>, String>;

    /// Exports rows of an evaluation to a file in the background, in the format of its extension; the channel is as in
    /// [`Host::export`].
    ///
    /// # Errors
    /// A sentence where there was nothing to begin.
    fn export_rows(
        &mut self,
        rows: Vec<ImageResult>,
        origin: Origin,
        to: &Path,
    ) -> Result<Receiver<Result<PathBuf, String>>, String>;

    /// The fields of a new run, with the settings that a run in the current folder would have.
    ///
    /// # Errors
    /// A sentence where the settings are wrong.
    fn new_run(&mut self) -> Result<Vec<Field>, String>;

    /// What is wrong with each field's value, in the order of [`Host::new_run`].
    fn check_run(&mut self, values: &[String]) -> Vec<Option<String>>;

    /// Starts a run with these values in the background. The channel receives its session's folder once it has begun,
    /// or why it has not.
    ///
    /// # Errors
    /// A sentence where there was nothing to start.
    fn start_run(&mut self, values: &[String]) -> Result<Receiver<Result<PathBuf, String>>, String>;
}

/// A model that the screens may use.
#[derive(Debug)]
pub struct Study {
    /// Takes [`Command::Ask`].
    pub commands: Sender<Command>,
    /// Receives answers, and phases until the model is `ready`; a warning says why there is no model.
    pub records: Receiver<Record>,
}

/// A run to be shown.
#[derive(Debug)]
pub struct Viewer {
    /// The run's records as they arrive. The channel should be unbounded, because a sender that waited for the screen
    /// would be slowed down by a slow terminal. Records that are already in `history` are ignored.
    pub records: Receiver<Record>,
    /// The channel for commands to the run; `None` if it has ended, or if it belongs to another process and has no
    /// socket.
    pub commands: Option<Sender<Command>>,
    /// Why a running run does not take commands from here.
    pub read_only: Option<String>,
    /// Receives a message when another process continues the session.
    pub resumed: Receiver<()>,
    /// Kept while another process's journal is followed.
    pub following: Option<Following>,
    /// The past: the state computed from the journal so far.
    pub history: RunState,
    /// The session's folder: files that events name lie under it.
    pub session_dir: PathBuf,
    /// The session's name for the header.
    pub title: String,
    /// Whether this process runs the run, so that leaving must ask what to do with it.
    pub owns_run: bool,
    pub theme: Theme,
    /// The theme for a light background; set if the terminal is to be asked about its background.
    pub on_light: Option<Theme>,
    pub keymap: Keymap,
    /// The largest number of frames per second that show the run's records; keys are answered sooner.
    pub fps: u32,
    /// How samples are shown with their pictures, or as text alone.
    pub images: Images,
    /// Records to be played instead of a run.
    pub replay: Vec<Record>,
    /// A session's folder, to be opened once the screens are shown.
    pub open: Option<PathBuf>,
    /// The folder of all sessions, for the screen that lists them.
    pub sessions: Option<PathBuf>,
    /// Opens models; without one only a run at work can be asked.
    pub host: Option<Box<dyn Host>>,
}

impl Viewer {
    /// A session's journal, to be played as it went.
    #[must_use]
    pub fn replay(folder: &SessionFolder, records: Vec<Record>) -> Self {
        Self {
            replay: records,
            ..Self::new(never(), folder.path().to_owned(), folder.name())
        }
    }

    /// A session that the screens open themselves, so that slow reads and answers happen in the background.
    #[must_use]
    pub fn opening(folder: &SessionFolder) -> Self {
        Self {
            open: Some(folder.path().to_owned()),
            ..Self::new(never(), folder.path().to_owned(), folder.name())
        }
    }

    /// A session read from its folder; a live one takes commands through its socket.
    ///
    /// # Errors
    /// A sentence where the folder holds no session, or its journal cannot be read.
    pub fn of_session(folder: &Path) -> Result<Self, String> {
        let followed = follow::follow(folder)?;
        let name = followed.folder.name().to_owned();
        Ok(Self {
            history: followed.history,
            commands: followed.commands,
            read_only: followed.read_only,
            resumed: followed.resumed,
            following: Some(followed.following),
            ..Self::new(followed.records, followed.folder.path().to_owned(), name)
        })
    }

    /// A run without records so far and without commands, with the colours for the environment, the default keys,
    /// pictures and ten frames a second.
    #[must_use]
    pub fn new(records: Receiver<Record>, session_dir: PathBuf, title: impl Into<String>) -> Self {
        Self {
            records,
            commands: None,
            read_only: None,
            resumed: never(),
            following: None,
            history: RunState::default(),
            session_dir,
            title: title.into(),
            owns_run: false,
            theme: Theme::from_environment(|name| std::env::var(name).ok()),
            on_light: None,
            keymap: Keymap::default(),
            fps: 10,
            images: Images::Auto,
            replay: Vec::new(),
            open: None,
            sessions: None,
            host: None,
        }
    }
}

/// Why the screen was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The person left, and no run of this process was at work.
    Quit,
    /// The run was told to stop after its step, by the person or by SIGTERM, and has not ended yet.
    StopRequested,
    /// The run that the person told to stop has ended.
    Stopped,
    /// The run goes on without a screen.
    Detach,
    /// The process is to stop until the shell continues it. [`run`] does that and shows the screens again, so it never
    /// returns this.
    Suspend,
    /// The requested session cannot be shown: [`run`] returns the reason as an error, and never this.
    NotOpened,
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
    /// The session that was to be shown cannot be read.
    #[error("{0}")]
    Session(String),
}

/// Shows a run until the person leaves, the terminal is gone or a requested stop has happened. The terminal is restored
/// in every case, including panics.
///
/// # Errors
/// Where the terminal cannot be set up. What happens to it later is an [`Exit`].
pub fn run(viewer: Viewer) -> Result<Exit, TuiError> {
    let (sender, inputs) = unbounded();
    let (images, depth) = (viewer.images, viewer.theme.depth);
    let can = Abilities::from_environment(|name| std::env::var(name).ok());
    let on_light = viewer.on_light.clone();
    let mut app = app::App::new(viewer).map_err(TuiError::Start)?;
    let (guard, mut screen) =
        terminal::Guard::take(can, depth.is_few(), app.meter.clone()).map_err(TuiError::Terminal)?;
    app.canvas = Canvas::new(Box::new(BufWriter::new(app.meter.clone().counting(io::stdout()))));
    if depth != Depth::Mono {
        let found = probe::find(images, on_light.is_some()).map_err(TuiError::Terminal)?;
        if let Some(theme) = on_light.filter(|_| found.light == Some(true)) {
            app.set_theme(theme);
        }
        app.set_graphics(found.choice);
        // The receiver is in this function and the channel is unbounded, so sending cannot fail.
        let _ = found.typed.into_iter().try_for_each(|key| sender.send(Input::Key(key)));
    }
    let input_thread = input::InputThread::start(sender).map_err(TuiError::Start)?;
    let exit = loop {
        let exit = event_loop::run(&mut screen, &mut app, &inputs);
        if exit != Exit::Suspend {
            break exit;
        }
        let _ = app.canvas.forget();
        guard.suspend().map_err(TuiError::Terminal)?;
        // The terminal no longer shows anything of the last frame.
        app.pictures.forget();
        app.redraw = true;
    };
    drop(input_thread);
    if exit != Exit::TerminalGone {
        // Clear the pictures before the terminal is given back; if it is gone, there is nothing to clear.
        let _ = app.canvas.forget();
    }
    if let Some(reason) = app.cannot_start {
        return Err(TuiError::Session(reason));
    }
    if exit == Exit::TerminalGone {
        guard.abandon().map_err(TuiError::Terminal)?;
    }
    Ok(exit)
}
