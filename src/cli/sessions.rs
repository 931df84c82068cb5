//! `masp sessions`: lists the runs under a folder, shows one, exports from it for use elsewhere, and removes runs.

mod error;
mod evaluated;
mod export;
mod formats;
mod list;
mod live;
mod overwrite;
mod remove;
mod show;
mod table;
mod tabulated;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::args::{ExportArgs, ListArgs, SessionsCommand};
use super::failure::Failure;
use super::say::say;
use crate::config::{self, Sources};
use crate::export::{Asked, Selected, Source, What};
use crate::output_file::is_stdout;
use crate::printable::printable;
use crate::runs::Column;
use crate::session::{SessionFolder, SessionSummary, list_sessions};
use error::SessionsError;

/// Runs the command.
///
/// # Errors
/// Wrong settings or usage, an unknown session, files that cannot be read, written or removed, a closed output.
pub fn run(command: &SessionsCommand) -> Result<ExitCode, Failure> {
    let mut out = io::stdout().lock();
    match command {
        SessionsCommand::List(asked) => {
            let sessions = list_sessions(&root(asked.settings.sources())?).map_err(SessionsError::from)?;
            list::list(&sessions, asked, &mut out)?;
        }
        SessionsCommand::Show {
            session,
            settings,
            json,
        } => {
            let folder = SessionFolder::open(&root(settings.sources())?, session)?;
            show::show(&folder, *json, &mut out)?;
        }
        SessionsCommand::Export { asked, settings } => write_export(asked, &root(settings.sources())?, &mut out)?,
        SessionsCommand::Rm {
            sessions,
            settings,
            yes,
        } => {
            let ask: fn(&str) -> Result<(), _> = if *yes { |_| Ok(()) } else { remove::ask_on_terminal };
            remove::remove(&root(settings.sources())?, sessions, ask, &mut out)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn write_export(args: &ExportArgs, root: &Path, out: &mut impl Write) -> Result<(), Failure> {
    let to = &args.to;
    let may_replace = |files: &[PathBuf]| overwrite::may_replace(files, args.force, overwrite::ask_on_terminal);
    let Some(what) = args.kind() else {
        args.check_of_parameters().map_err(Failure::usage)?;
        return Ok(export::export(root, &args.session, to, may_replace, out)?);
    };
    if args.live && what != What::TensorBoard {
        return Err(Failure::usage(
            "only TensorBoard's events are written live; add --what tensorboard",
        ));
    }
    let read = |session: &str| -> Result<(SessionFolder, Source), SessionsError> {
        let folder = SessionFolder::open(root, session)?;
        let source = Source::read(&folder)?;
        Ok((folder, source))
    };
    let (folder, source) = read(&args.session.session)?;
    let others: Result<Vec<Source>, SessionsError> = args.with.iter().map(|other| Ok(read(other)?.1)).collect();
    let asked = Asked {
        selected: Selected {
            step: export::step(&folder, args.session.checkpoint).map_err(SessionsError::from)?,
            evaluation: args.evaluation.clone(),
        },
        style: args.style(),
        metric: args.metric.clone(),
        with: others?,
    };
    crate::export::check(&source, what, &asked, to).map_err(SessionsError::from)?;
    if args.live {
        return live::follow(&folder, to, out);
    }
    may_replace(std::slice::from_ref(to)).map_err(SessionsError::from)?;
    let written = crate::export::export(&source, what, &asked, to).map_err(SessionsError::from)?;
    let line = format!("wrote {}", printable(&written.to_string_lossy()));
    if is_stdout(to) {
        say(line);
    } else {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// Prints these sessions as `masp sessions list --group seed` does, as a table or as JSON.
///
/// # Errors
/// A closed output.
pub fn print_groups(sessions: &[SessionSummary], json: bool) -> Result<(), Failure> {
    let asked = ListArgs {
        group: vec![Column::Setting("train.seed".to_owned())],
        json,
        ..ListArgs::default()
    };
    Ok(list::list(sessions, &asked, &mut io::stdout().lock())?)
}

/// Removes one session without a question.
///
/// # Errors
/// A session that runs, a folder that is not a session, an error of the file system.
pub fn remove(root: &Path, session: &str) -> Result<(), Failure> {
    Ok(remove::remove(
        root,
        &[session.to_owned()],
        |_| Ok(()),
        &mut io::sink(),
    )?)
}

/// The folder of all sessions.
fn root(sources: Sources) -> Result<PathBuf, Failure> {
    Ok(config::load(sources)?.settings.session.root)
}
