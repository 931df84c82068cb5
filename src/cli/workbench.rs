//! The workbench on existing sessions: `masp`, `masp attach`, `masp replay`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crossbeam_channel::{Receiver, bounded};

use super::appearance::dress;
use super::args::{CheckpointArgs, CheckpointChoice, Cli, ExportChoice, OneSessionArgs, SessionSpec};
use super::failure::Failure;
use super::new_run::NewRun;
use super::parts::choose;
use super::watch::View;
use crate::config::{self, Settings, Sources};
use crate::engine::{DeviceChoice, study};
use crate::export::{self, ExportError, Selected, Source};
use crate::session::{ImageResult, Origin, SessionFolder, Stage, read_journal};
use crate::tui::{self, Field, Host, Study, Viewer};

/// Without a command: the sessions, to choose from.
///
/// # Errors
/// Where the settings are wrong or the terminal cannot be used.
pub fn run(args: &Cli) -> Result<ExitCode, Failure> {
    let settings = config::load(args.sources())?.settings;
    let none = crossbeam_channel::never();
    show(
        Viewer::new(none, settings.session.root.clone(), ""),
        args.sources(),
        &settings,
    )
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
pub fn replay(args: &OneSessionArgs) -> Result<ExitCode, Failure> {
    let settings = config::load(args.sources())?.settings;
    let folder = SessionFolder::open(&settings.session.root, &args.session)?;
    let records = read_journal(&folder.journal())?;
    show(Viewer::replay(&folder, records), args.sources(), &settings)
}

fn show(mut viewer: Viewer, sources: Sources, settings: &Settings) -> Result<ExitCode, Failure> {
    if View::best() == View::Headless {
        return Err(Failure::failed(
            "the workbench needs a terminal that can put its cursor anywhere (TERM names it); `masp sessions list` prints the \
             sessions where there is none",
        ));
    }
    dress(&mut viewer, &settings.tui)?;
    viewer.sessions = Some(settings.session.root.clone());
    viewer.host = Some(Box::new(Desk {
        new_run: NewRun::new(sources.clone()),
        sources,
    }));
    tui::run(viewer)?;
    Ok(ExitCode::SUCCESS)
}

/// What the screens need from the rest of the program.
#[derive(Debug)]
pub struct Desk {
    /// The settings of the command line, above those that a session recorded.
    pub sources: Sources,
    pub new_run: NewRun,
}

impl Host for Desk {
    fn study(&mut self, session: &Path, step: Option<u64>) -> Result<Study, String> {
        let (sources, session) = (self.sources.clone(), session.to_owned());
        // Runs on a thread of its own, because reading a long journal takes a while.
        let subject = move || {
            let spec = SessionSpec {
                session: session.display().to_string(),
                checkpoint: step.map_or_else(CheckpointChoice::default, CheckpointChoice::Step),
            };
            let chosen = choose(sources, Some(&spec), &CheckpointArgs::default());
            let chosen = chosen.map_err(|error| error.to_string())?;
            Ok(study::Subject {
                at: chosen.checkpoint.unwrap_or((Stage::Aspects, 0)),
                settings: chosen.settings,
                device: DeviceChoice::Auto,
                parts: chosen.parts,
            })
        };
        let study::Study { records, commands } = study::start(subject).map_err(|error| error.to_string())?;
        Ok(Study { commands, records })
    }

    fn remove(&mut self, session: &Path) -> Result<(), String> {
        remove(session).map_err(|error| error.to_string())
    }

    fn export(&mut self, session: &Path, to: &Path) -> Result<Receiver<Result<PathBuf, String>>, String> {
        let what = ExportChoice::by_ending(to).what();
        let what = what.ok_or("what is written follows from the ending: .html, .csv, .jsonl, .svg or .png")?;
        let folder = SessionFolder::at(session).ok_or("the session is gone")?;
        let to = unused(to)?;
        in_background(move || {
            Source::read(&folder).and_then(|source| export::export(&source, what, &Selected::default(), &to))
        })
    }

    fn export_rows(
        &mut self,
        rows: Vec<ImageResult>,
        origin: Origin,
        to: &Path,
    ) -> Result<Receiver<Result<PathBuf, String>>, String> {
        let to = unused(to)?;
        if !matches!(export::ending(&to).as_str(), "csv" | "jsonl") {
            return Err("what is written follows from the ending: .csv or .jsonl".to_owned());
        }
        in_background(move || export::export_rows(&rows, &origin, &to))
    }

    fn new_run(&mut self) -> Result<Vec<Field>, String> {
        self.new_run.fields()
    }

    fn check_run(&mut self, values: &[String]) -> Vec<Option<String>> {
        self.new_run.check(values)
    }

    fn start_run(&mut self, values: &[String]) -> Result<Receiver<Result<PathBuf, String>>, String> {
        self.new_run.start(values)
    }
}

/// The path, if nothing exists there yet: the screens cannot ask whether to overwrite a file.
fn unused(to: &Path) -> Result<PathBuf, String> {
    // A dangling link counts as existing.
    if to.symlink_metadata().is_ok() {
        return Err(format!("{} is there already; name another file", to.display()));
    }
    Ok(to.to_owned())
}

/// Runs `work` on a thread of its own. The receiver gets the path that it wrote, or the error.
fn in_background(
    work: impl FnOnce() -> Result<PathBuf, ExportError> + Send + 'static,
) -> Result<Receiver<Result<PathBuf, String>>, String> {
    let (tell, told) = bounded(1);
    let work = move || {
        // The receiver may be gone.
        let _ = tell.send(work().map_err(|error| error.to_string()));
    };
    let thread = std::thread::Builder::new().name("export".to_owned()).spawn(work);
    thread.map_err(|error| format!("cannot start a thread: {error}"))?;
    Ok(told)
}

/// Removes a session; the screens have already asked the user.
fn remove(session: &Path) -> Result<(), Failure> {
    let name = session.display().to_string();
    // A bare name would be looked up under the sessions' root, but here it is the folder's own path.
    let path = if name.contains('/') { name } else { format!("./{name}") };
    super::sessions::remove(Path::new(""), &path)
}
