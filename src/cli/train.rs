//! `masp train`.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use super::args::{StageChoice, TrainArgs};
use super::detach;
use super::failure::Failure;
use super::output::Output;
use super::phases::bar;
use super::recorded_session::RecordedSession;
use super::run_folder::run_folder;
use super::say::say;
use super::show_run::{next_command, show_run};
use super::signals;
use super::watchdog::Watchdog;
use crate::config::{self, Settings};
use crate::engine::{self, Outcome, Signals, TrainJob};
use crate::output_file::check_output;
use crate::printable::printable_path;
use crate::session::socket::Listening;
use crate::session::{FolderError, SessionFolder, Stage, trained_stages};

/// Runs the command.
///
/// # Errors
/// Wrong usage, or what the run failed with.
pub fn run(args: &TrainArgs) -> Result<ExitCode, Failure> {
    detach::leave_terminal();
    let mut sources = args.sources();
    let mut stages = args.stage.unwrap_or_default().stages().to_vec();
    let resumed = if args.resume { resumed_session(&sources)? } else { None };
    if let Some(session) = &resumed {
        sources.record = session.settings();
        stages = resumed_stages(args.stage, &session.folder)?;
    } else if let Some(like) = &args.like {
        let session = RecordedSession::named(&sources, like)?;
        stages = resumed_stages(args.stage, &session.folder)?;
        if args.data.is_none() {
            session.draw_missing_images(bar("drawing pictures again"))?;
        }
        sources.record = session.settings_for_another();
    }
    let loaded = config::load(sources)?;
    let settings = loaded.settings;
    check_can_train(&settings, &stages)?;
    if let Some(path) = &args.save_ckpt {
        // Fail here, not after hours of training.
        let refused = |error| Failure::usage(format!("--save-ckpt cannot write {}: {error}", printable_path(path)));
        check_output(path).and_then(|()| check_folder(path)).map_err(refused)?;
    }
    let folder = match &resumed {
        Some(session) => {
            let name = settings.session.name.as_deref().unwrap_or(session.folder.name());
            SessionFolder::reopen(&settings.session.root, name)?
        }
        None => run_folder(&settings, args.resume)?,
    };
    if args.detach {
        if folder.is_live()? {
            // The error of `lock` says which process holds the session.
            drop(folder.lock()?);
        }
        return detach::start(&folder);
    }
    let output = if args.headless {
        Output::Headless
    } else {
        Output::best()
    };
    let job = TrainJob {
        attended: output == Output::Screen,
        resume: args.resume,
        init_aspects: args.init_aspects.clone(),
        init_prompt: args.init_prompt.clone(),
        save_ckpt: args.save_ckpt.clone(),
        notices: loaded.notices,
        ..TrainJob::new(settings, stages.clone(), folder, args.model.device)
    };
    let folder = job.folder.clone();
    let outcome = execute(job, output)?;
    say(next_command(outcome, &stages, &folder));
    Ok(ExitCode::SUCCESS)
}

/// Checks that these settings name a dataset, and something to train in each stage.
///
/// # Errors
/// Wrong usage.
pub fn check_can_train(settings: &Settings, stages: &[Stage]) -> Result<(), Failure> {
    if settings.data.root.is_none() {
        return Err(Failure::usage(
            "no dataset is named; give its folder with --data, or run `masp demo`",
        ));
    }
    if settings.aspects.views.is_empty() && stages.contains(&Stage::Aspects) {
        return Err(Failure::usage(
            "aspects.views is empty, so stage 1 has nothing to train; choose --stage prompt",
        ));
    }
    Ok(())
}

/// Checks that the folder of a file to be written exists.
fn check_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("there is no folder {}", printable_path(folder)),
        )),
        _ => Ok(()),
    }
}

/// Locks the session, runs the job and shows it until it ends.
///
/// # Errors
/// What the run failed with.
pub fn execute(mut job: TrainJob, output: Output) -> Result<Outcome, Failure> {
    let folder = job.folder.clone();
    let lock = folder.lock().inspect_err(|error| {
        if matches!(error, FolderError::NoLocks { .. }) {
            folder.give_name_back();
        }
    })?;
    job.folder = folder.held_by(&lock);
    let settings = job.settings.clone();
    let signals = Signals::default();
    let _forwarding = signals::forward_signals(&signals)?;
    let socket = Listening::bind(&job.folder);
    if let Err(error) = &socket {
        job.notices.push(format!(
            "other terminals can watch this run but not command it: {error}"
        ));
    }
    let mut running = engine::start(job, signals.clone())?;
    let _watchdog = Watchdog::over(&running, signals, output);
    let commands = running.take_commands();
    // From here on, wait for the run to end, even if the screen or the socket fails.
    let serve = |socket: Listening| socket.serve(commands.clone(), running.answers.clone());
    let _server = socket.ok().and_then(|socket| serve(socket).map_err(say).ok());
    show_run(&running, commands, &folder, output, &settings);
    let outcome = running.join();
    if !matches!(outcome, Ok(Outcome::Done)) {
        folder.remove_unbegun(lock);
    }
    Ok(outcome?)
}

/// The session to resume, if it exists.
fn resumed_session(sources: &config::Sources) -> Result<Option<RecordedSession>, Failure> {
    let settings = config::load(sources.clone())?.settings;
    let Some(name) = &settings.session.name else {
        return Err(Failure::usage(
            "--resume needs the session's name; give it with --session",
        ));
    };
    match SessionFolder::open(&settings.session.root, name) {
        Ok(folder) if folder.journal().exists() => Ok(Some(RecordedSession::read(folder)?)),
        _ => Ok(None),
    }
}

/// The stages of a session's own run, or of one like it: those that the command line names, else those that the session
/// trained last.
fn resumed_stages(asked: Option<StageChoice>, folder: &SessionFolder) -> Result<Vec<Stage>, Failure> {
    let stages = match asked {
        Some(_) => Vec::new(),
        None => trained_stages(&folder.journal())?,
    };
    Ok(if stages.is_empty() {
        asked.unwrap_or_default().stages().to_vec()
    } else {
        stages
    })
}
