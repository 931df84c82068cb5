//! One run of a sweep at work: a process that this sweep started, or another's that it waits for.

use std::ffi::OsString;

use clap::ValueEnum;
use rustix::process::Signal;

use super::found::Found;
use super::plan::{Plan, Planned};
use super::schedule::AtWork;
use crate::cli::args::SweepArgs;
use crate::cli::detach::Background;
use crate::cli::failure::Failure;
use crate::session::{SessionFolder, SessionState, summarise_session};

/// How a run of a sweep ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    Finished,
    /// It was finished before this sweep came to it.
    FinishedBefore,
    /// By a person or a signal, with what it had reached.
    Stopped,
    /// Another process is at work on it, and this sweep waits no longer.
    LeftAlone,
    /// With the reason.
    Failed(String),
}

/// A run at work.
#[derive(Debug)]
pub struct SweptRun {
    folder: SessionFolder,
    /// None: another process holds the session.
    process: Option<Background>,
    told_to_stop: bool,
}

impl SweptRun {
    /// Begins or resumes a planned run on at most `threads` threads. If another process is at work on its session, waits for
    /// that one. Err if the run is over: it was finished before, or cannot begin.
    pub fn begin(plan: &Plan, run: &Planned, args: &SweepArgs, threads: Option<usize>) -> Result<Self, End> {
        let failed = |failure: &Failure| End::Failed(failure.to_string());
        // The state may have changed since the sweep began.
        let found = plan.find(run).map_err(|failure| failed(&failure))?;
        if found == Found::Finished {
            return Err(End::FinishedBefore);
        }
        let folder = SessionFolder::open_or_create(&plan.root, &run.name).map_err(|error| failed(&error.into()))?;
        let process = match found {
            Found::Live => None,
            _ => match Background::start(&arguments(plan, run, args), threads) {
                Ok(process) => Some(process),
                Err(error) => {
                    give_back(&folder);
                    return Err(failed(&error.into()));
                }
            },
        };
        Ok(Self {
            folder,
            process,
            told_to_stop: false,
        })
    }

    /// Whether another process than one of this sweep is at work.
    #[must_use]
    pub const fn is_anothers(&self) -> bool {
        self.process.is_none()
    }

    /// How the session stands once no process is at work on it.
    fn end(&self) -> End {
        let session = summarise_session(&self.folder);
        match (session.state, session.problem) {
            (SessionState::Finished, _) => End::Finished,
            (SessionState::Failed | SessionState::Unreadable, problem) => End::Failed(problem.unwrap_or_default()),
            (SessionState::Crashed, _) if self.process.is_none() => {
                End::Failed("the other process ended without a word; the same command goes on with it".to_owned())
            }
            _ => End::Stopped,
        }
    }
}

impl AtWork for SweptRun {
    type End = End;

    fn ended(&mut self) -> Option<End> {
        let Some(process) = &mut self.process else {
            return match self.folder.is_live() {
                Ok(true) if self.told_to_stop => Some(End::LeftAlone),
                Ok(true) => None,
                Ok(false) => Some(self.end()),
                Err(error) => Some(End::Failed(error.to_string())),
            };
        };
        let end = match process.ended() {
            Ok(None) => return None,
            Ok(Some(Ok(()))) => self.end(),
            // Before it could write anything: nothing is lost.
            Ok(Some(Err(_))) if self.told_to_stop && !self.folder.journal().exists() => End::Stopped,
            Ok(Some(Err(failure))) => End::Failed(failure.to_string()),
            Err(error) => End::Failed(format!("its process cannot be watched: {error}")),
        };
        if end != End::Finished {
            give_back(&self.folder);
        }
        Some(end)
    }

    fn stop(&mut self) {
        self.told_to_stop = true;
        if let Some(process) = &self.process {
            process.signal(Signal::TERM);
        }
    }

    fn save(&mut self) {
        if let Some(process) = &self.process {
            process.signal(Signal::USR1);
        }
    }
}

/// Frees the name of a session that has not begun.
fn give_back(folder: &SessionFolder) {
    if let Ok(lock) = folder.lock() {
        folder.remove_unbegun(lock);
    }
}

/// The command line of a run's process.
fn arguments(plan: &Plan, run: &Planned, args: &SweepArgs) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = ["train", "--session", &run.name, "--resume", "--headless"]
        .map(OsString::from)
        .to_vec();
    let mut push = |flag: &str, value: Option<OsString>| {
        arguments.extend(value.into_iter().flat_map(|value| [flag.into(), value]));
    };
    let model = &args.model;
    push("--config", model.settings.config.as_ref().map(Into::into));
    for set in &run.set {
        push("--set", Some(set.into()));
    }
    push("--data", args.data.as_ref().map(Into::into));
    push("--model", model.model.as_ref().map(Into::into));
    push("--dataname", model.dataname.as_ref().map(Into::into));
    push("--device", Some(model.device.to_string().into()));
    push(
        "--stage",
        plan.stage.to_possible_value().map(|stage| stage.get_name().into()),
    );
    push("--init-aspects", args.init_aspects.as_ref().map(Into::into));
    push("--max-steps", args.max_steps.map(|steps| steps.to_string().into()));
    arguments
}
