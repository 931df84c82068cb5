//! `masp train --detach`: the same command once more, without a terminal, in a session of the system's own.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use super::failure::Failure;
use super::say::say;
use crate::printable::printable;
use crate::session::SessionFolder;

/// Tells the second process that it is one.
const DETACHED: &str = "MASP_DETACHED";
/// How often the parent looks whether the run has begun.
const PAUSE: Duration = Duration::from_millis(50);
/// No more of what a run that could not begin has said is passed on.
const LONGEST_WORDS: u64 = 64 << 10;

/// Whether this process was started to run without a terminal.
#[must_use]
pub fn is_detached() -> bool {
    std::env::var_os(DETACHED).is_some()
}

/// Leaves the terminal's session, where this process was started to; then no hang-up reaches it.
pub fn leave_terminal() {
    if is_detached() {
        // It fails where this process leads a session already, and then there is nothing to leave.
        let _ = rustix::process::setsid();
    }
}

/// Starts this command again in the background on `folder`, which was made for it, and returns once its journal has
/// begun.
///
/// # Errors
/// Where no process can be started, or the run fails before it begins.
pub fn start(folder: &SessionFolder) -> Result<ExitCode, Failure> {
    let child = launch(folder, &arguments(std::env::args_os().skip(1), folder.name()))?;
    say(format_args!(
        "{} trains in the background (process {}); `masp attach {0}` shows it, `kill {1}` stops it with a checkpoint",
        printable(folder.name()),
        child.id()
    ));
    Ok(ExitCode::SUCCESS)
}

/// Starts the program in the background with these arguments, which train on `folder`, and returns once its journal has
/// begun, or the run has ended already.
///
/// # Errors
/// Where no process can be started, or the run fails before it begins.
pub fn launch(folder: &SessionFolder, arguments: &[OsString]) -> Result<Child, Failure> {
    let mut said = tempfile::tempfile()?;
    let mut child = Command::new(std::env::current_exe()?)
        .args(arguments)
        .env(DETACHED, "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(said.try_clone()?)
        .spawn()?;
    while !has_begun(folder) {
        if let Some(status) = child.try_wait()? {
            let words = words(&mut said)?;
            let words = words.trim().trim_start_matches("masp: ");
            return match status.code() {
                // It was quicker than this look at it.
                Some(0) => Ok(child),
                Some(2) => Err(Failure::usage(words)),
                _ => Err(Failure::failed(words)),
            };
        }
        std::thread::sleep(PAUSE);
    }
    Ok(child)
}

/// The same arguments, headless, on the session whose folder is there.
fn arguments(given: impl Iterator<Item = OsString>, session: &str) -> Vec<OsString> {
    let mut kept: Vec<OsString> = given.filter(|argument| argument != "--detach").collect();
    let has = |kept: &[OsString], flag: &str| {
        let with = format!("{flag}=");
        kept.iter()
            .any(|argument| argument == flag || argument.to_string_lossy().starts_with(&with))
    };
    if !has(&kept, "--session") {
        kept.extend(["--session".into(), session.into()]);
    }
    for flag in ["--resume", "--headless"] {
        if !has(&kept, flag) {
            kept.push(flag.into());
        }
    }
    kept
}

fn has_begun(folder: &SessionFolder) -> bool {
    folder.journal().metadata().is_ok_and(|file| file.len() > 0) && folder.is_live().unwrap_or(false)
}

fn words(said: &mut File) -> std::io::Result<String> {
    let mut text = Vec::new();
    said.rewind()?;
    said.take(LONGEST_WORDS).read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_the_same_on_the_session_that_was_made() {
        let given = ["train", "--data", "d", "--detach"].map(OsString::from);
        let expected = ["train", "--data", "d", "--session", "s", "--resume", "--headless"];
        assert_eq!(arguments(given.into_iter(), "s"), expected.map(OsString::from));
        let given = ["train", "--session=mine", "--resume", "--detach"].map(OsString::from);
        let expected = ["train", "--session=mine", "--resume", "--headless"];
        assert_eq!(arguments(given.into_iter(), "mine"), expected.map(OsString::from));
    }
}
