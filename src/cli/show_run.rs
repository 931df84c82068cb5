//! Shows a run of this process: on the workbench's screen, or as lines on stderr.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crossbeam_channel::Sender;

use super::appearance;
use super::args::ConfigArgs;
use super::detach::is_detached;
use super::host::WorkbenchHost;
use super::new_run::NewRun;
use super::output::Output;
use super::progress;
use super::say::{LossyLines, say};
use crate::config::{ConfigFile, Settings, Sources};
use crate::engine::{Outcome, Running};
use crate::printable::{printable, printable_path};
use crate::session::{Command, SessionFolder, Stage};
use crate::tui::{self, Exit, TuiError, Viewer};

/// Shows the run until it ends. If the user leaves the screen, it cannot be opened, or the terminal is gone, the run goes on
/// without a screen, and nothing sends to `commands` any more.
pub fn show_run(
    running: &Running,
    commands: Sender<Command>,
    folder: &SessionFolder,
    output: Output,
    settings: &Settings,
) {
    if output == Output::Screen {
        let mut viewer = Viewer::new(folder.path().to_owned(), folder.name());
        viewer.link.records = Some(running.records.clone());
        viewer.link.commands = Some(commands);
        viewer.owns_run = true;
        if let Err(failure) = appearance::apply(&mut viewer, &settings.tui) {
            say(failure);
        }
        viewer.sessions = Some(settings.session.root.clone());
        // After the run, its own record supplies the settings that open its model, so no config file is read.
        viewer.host = Some(Box::new(WorkbenchHost {
            sources: Sources {
                config: ConfigFile::None,
                ..Sources::default()
            },
            new_run: NewRun::new(ConfigArgs::default().sources()),
        }));
        let exit = catch_panic(|| tui::run(viewer));
        if let Err(error) = &exit {
            // Report the error and go on: the engine is already at work and needs no terminal.
            say(error);
        }
        if let Some(message) = on_leaving(exit.ok(), folder) {
            say(message);
        }
        // If the terminal is gone, standard error is /dev/null by now, so nothing is printed.
    } else {
        drop(commands);
        if !is_detached() {
            // Skip the line if nobody reads stderr, so that the run does not wait.
            LossyLines::default().say(&in_this_shell(folder, "trains"));
        }
    }
    progress::follow(running.records.clone(), settings.train.logging_steps);
}

/// The message for the shell after the user left the screen of a run that goes on; `exit` is None if the screen could not be
/// shown.
fn on_leaving(exit: Option<Exit>, folder: &SessionFolder) -> Option<String> {
    match exit {
        None | Some(Exit::Detach) => Some(in_this_shell(folder, "still trains")),
        Some(Exit::StopRequested) => Some(format!(
            "{} stops after the current step and saves a checkpoint",
            printable(folder.name())
        )),
        // How the run ended is printed later, once everything that it wrote is safe.
        Some(Exit::Stopped | Exit::Quit | Exit::TerminalGone | Exit::Suspend | Exit::NotOpened) => None,
    }
}

/// The message that says what a run `does` in the shell that it occupies, and how to return to it.
fn in_this_shell(folder: &SessionFolder, does: &str) -> String {
    format!(
        "{} {does} in this shell; `masp attach {0}` in another terminal shows it, ctrl-c stops it with a checkpoint; the journal is {}",
        printable(folder.name()),
        printable_path(&folder.journal())
    )
}

/// The message that says how a run ended and which command comes next.
#[must_use]
pub fn next_command(outcome: Outcome, trained: &[Stage], folder: &SessionFolder) -> String {
    let name = printable(folder.name());
    match outcome {
        Outcome::Done if trained.contains(&Stage::Prompt) => {
            format!("{name} is done: `masp eval {name}` tests it, `masp attach {name}` shows it again")
        }
        // Without a prompt there is no classifier to evaluate.
        Outcome::Done => format!("{name} is done: `masp attach {name}` shows it again"),
        Outcome::Stopped => format!("{name} is stopped: `masp train --session {name} --resume` continues it"),
    }
}

/// The outcome of the screen. A panic counts as leaving it: the terminal is restored and the panic's message printed by
/// then, and the run goes on without a screen.
fn catch_panic(show: impl FnOnce() -> Result<Exit, TuiError>) -> Result<Exit, TuiError> {
    catch_unwind(AssertUnwindSafe(show)).unwrap_or(Ok(Exit::Detach))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaving_the_screen_says_what_the_run_does_and_what_to_do() {
        let root = tempfile::tempdir().unwrap();
        let folder = SessionFolder::create(root.path(), "first").unwrap();
        let message = |exit| on_leaving(exit, &folder).unwrap_or_default();
        for exit in [None, Some(Exit::Detach)] {
            assert!(
                message(exit).starts_with("first still trains in this shell; `masp attach first`"),
                "{}",
                message(exit)
            );
        }
        assert_eq!(
            message(Some(Exit::StopRequested)),
            "first stops after the current step and saves a checkpoint"
        );
        for exit in [Exit::Stopped, Exit::Quit, Exit::TerminalGone] {
            assert_eq!(message(Some(exit)), "");
        }
        assert!(next_command(Outcome::Done, &[Stage::Prompt], &folder).contains("`masp eval first`"));
        assert!(!next_command(Outcome::Done, &[Stage::Aspects], &folder).contains("eval"));
        assert!(next_command(Outcome::Stopped, &[], &folder).contains("`masp train --session first --resume`"));
    }

    #[test]
    fn a_screen_that_panics_leaves_the_run_alone() {
        assert_eq!(catch_panic(|| panic!("a pane is broken")).ok(), Some(Exit::Detach));
        assert_eq!(catch_panic(|| Ok(Exit::Quit)).ok(), Some(Exit::Quit));
    }
}
