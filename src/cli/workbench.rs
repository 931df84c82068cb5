//! The workbench on existing sessions: `masp`, `masp attach`, `masp replay`.

use std::process::ExitCode;

use super::appearance;
use super::args::{Cli, OneSessionArgs, ReplayArgs};
use super::failure::Failure;
use super::host::WorkbenchHost;
use super::new_run::NewRun;
use super::output::Output;
use crate::config::{self, Settings, Sources};
use crate::session::{SessionFolder, read_journal};
use crate::tui::{self, Viewer};

/// Without a command: the sessions, to choose from.
///
/// # Errors
/// Where the settings are wrong or the terminal cannot be used.
pub fn run(args: &Cli) -> Result<ExitCode, Failure> {
    let settings = config::load(args.sources())?.settings;
    let viewer = Viewer::new(settings.session.root.clone(), "");
    show(viewer, args.sources(), &settings)
}

/// `masp attach SESSION`: shows the session's journal, while it is being written and afterwards.
///
/// # Errors
/// Where there is no such session, the settings are wrong or the terminal cannot be used.
pub fn attach(args: &OneSessionArgs) -> Result<ExitCode, Failure> {
    let settings = config::load(args.sources())?.settings;
    let folder = SessionFolder::open(&settings.session.root, &args.session)?;
    show(Viewer::opening(&folder), args.sources(), &settings)
}

/// `masp replay SESSION`: replays the session's journal as the run went.
///
/// # Errors
/// Where there is no such session, its journal cannot be read, the settings are wrong or the terminal cannot be used.
pub fn replay(args: &ReplayArgs) -> Result<ExitCode, Failure> {
    let sources = args.session.sources();
    let settings = config::load(sources.clone())?.settings;
    let folder = SessionFolder::open(&settings.session.root, &args.session.session)?;
    let mut viewer = Viewer::replay(&folder, read_journal(&folder.journal())?);
    viewer.speed = args.speed;
    show(viewer, sources, &settings)
}

/// Shows a viewer on the screens until the person leaves.
///
/// # Errors
/// Where the terminal cannot be used.
pub fn show(mut viewer: Viewer, sources: Sources, settings: &Settings) -> Result<ExitCode, Failure> {
    if Output::best() == Output::Headless {
        return Err(Failure::failed(
            "the workbench needs a terminal that can move its cursor, but there is none, or TERM names one that cannot; `masp \
             sessions list` prints the sessions as text",
        ));
    }
    appearance::apply(&mut viewer, &settings.tui)?;
    viewer.sessions = Some(settings.session.root.clone());
    viewer.host = Some(Box::new(WorkbenchHost {
        new_run: NewRun::new(sources.clone()),
        sources,
    }));
    tui::run(viewer)?;
    Ok(ExitCode::SUCCESS)
}
