//! The workbench on existing sessions: `masp`, `masp attach`, `masp replay`.

use std::path::Path;
use std::process::ExitCode;

use super::appearance;
use super::args::{Cli, OneSessionArgs, ReplayArgs};
use super::failure::Failure;
use super::host::WorkbenchHost;
use super::new_run::NewRun;
use super::output::Output;
use super::say::say;
use crate::config::{self, Settings, Sources};
use crate::printable::printable;
use crate::session::{SessionFolder, read_journal};
use crate::tui::{self, Exit, Viewer};

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
    let exit = tui::run(viewer)?;
    if exit == Exit::Quit
        && let Some(message) = going_on(&settings.session.root)
    {
        say(message);
    }
    Ok(ExitCode::SUCCESS)
}

/// Which runs go on although the screens were left, and how to see them again.
fn going_on(root: &Path) -> Option<String> {
    let entries = std::fs::read_dir(root).ok()?;
    let folders = entries.filter_map(|entry| SessionFolder::at(&entry.ok()?.path()));
    let mut live: Vec<String> = folders
        .filter(|folder| folder.is_live().unwrap_or(false))
        .map(|folder| printable(folder.name()).to_string())
        .collect();
    live.sort();
    let first = live.first()?;
    Some(match live.len() {
        1 => format!("{first} goes on in the background; `masp attach {first}` shows it"),
        more => format!(
            "{more} runs go on in the background ({}); `masp attach NAME` shows one",
            live.join(", ")
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaving_names_the_runs_that_go_on() {
        let root = tempfile::tempdir().unwrap();
        let folders = ["b", "a"].map(|name| SessionFolder::create(root.path(), name).unwrap());
        assert_eq!(going_on(root.path()), None);
        let _first = folders[0].lock().unwrap();
        let one = going_on(root.path()).unwrap();
        assert_eq!(one, "b goes on in the background; `masp attach b` shows it");
        let _second = folders[1].lock().unwrap();
        assert!(
            going_on(root.path())
                .unwrap()
                .starts_with("2 runs go on in the background (a, b);")
        );
        assert_eq!(going_on(&root.path().join("none")), None);
    }
}
