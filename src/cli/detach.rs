//! `masp train --detach`: starts the same command again without a terminal, in its own system session (`setsid`).

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::cores::THREADS;
use super::failure::Failure;
use super::say::say;
use crate::printable::printable;
use crate::session::{Event, JournalTail, Record, SessionFolder};

/// The environment variable that tells the second process that it is detached.
const DETACHED: &str = "MASP_DETACHED";
/// How often the parent checks whether the run has begun.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// How long the parent waits for the model to open. A user need not wait for a download or for gigabytes of weights.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The most bytes of a failed run's stderr that the parent passes on.
const LONGEST_STDERR: u64 = 64 << 10;

/// Whether this process was started to run without a terminal.
#[must_use]
pub fn is_detached() -> bool {
    std::env::var_os(DETACHED).is_some()
}

/// Leaves the terminal's session if this process was started detached, so that no hang-up signal reaches it.
pub fn leave_terminal() {
    if is_detached() {
        // `setsid` fails if this process already leads a session; then there is nothing to leave.
        let _ = rustix::process::setsid();
    }
}

/// Starts this command again in the background on `folder`; returns when [`launch`] does.
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

/// Starts the program in the background with these arguments, which train on `folder`. Returns once the run is at work, its
/// model takes too long to open, or the run has ended.
///
/// # Errors
/// Where no process can be started, or the run fails before it begins.
pub fn launch(folder: &SessionFolder, arguments: &[OsString]) -> Result<Background, Failure> {
    let mut startup = Startup::skipping_earlier_records(folder);
    let mut child = Background::start(arguments, None)?;
    while !startup.is_over() {
        if let Some(ended) = child.ended()? {
            return ended.map(|()| child);
        }
        std::thread::sleep(POLL_INTERVAL);
    }
    Ok(child)
}

/// A process of this program in the background.
#[derive(Debug)]
pub struct Background {
    child: Child,
    stderr: File,
}

impl Background {
    /// Starts the program with these arguments, in its own system session; `threads` limits how many it computes with.
    ///
    /// # Errors
    /// Where no process can be started.
    pub fn start(arguments: &[OsString], threads: Option<usize>) -> io::Result<Self> {
        let stderr = tempfile::tempfile()?;
        let child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .env(DETACHED, "1")
            .envs(threads.map(|threads| (THREADS, threads.to_string())))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr.try_clone()?)
            .spawn()?;
        Ok(Self { child, stderr })
    }

    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How the process has ended; None while it runs.
    ///
    /// # Errors
    /// What the system reports. A process that failed is no such error.
    pub fn ended(&mut self) -> io::Result<Option<Result<(), Failure>>> {
        let Some(status) = self.child.try_wait()? else {
            return Ok(None);
        };
        let text = read_stderr(&mut self.stderr)?;
        let reason = match reason(&text) {
            "" => format!("its process has ended: {status}"),
            reason => reason.to_owned(),
        };
        Ok(Some(match status.code() {
            Some(0) => Ok(()),
            Some(2) => Err(Failure::usage(reason)),
            _ => Err(Failure::failed(reason)),
        }))
    }

    /// Sends the process a signal, unless it has ended.
    pub fn signal(&self, signal: Signal) {
        // The process cannot have ended and been replaced by another one of its number: `ended` alone collects it, after which
        // nobody signals it.
        let _ = kill_process(Pid::from_child(&self.child), signal);
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// What the system reports.
    pub fn wait(mut self) -> io::Result<()> {
        self.child.wait().map(drop)
    }
}

/// What a process that failed wrote last on stderr: its error, without the lines before it.
fn reason(stderr: &str) -> &str {
    const NAME: &str = "masp: ";
    let text = stderr.trim();
    match text.rfind(&format!("\n{NAME}")) {
        Some(at) => &text[at + 1 + NAME.len()..],
        None => text.strip_prefix(NAME).unwrap_or(text),
    }
}

/// The same arguments without `--detach`, headless, on the session whose folder exists by now.
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

/// How far the new process has come, by the records that it appends to the session's journal.
struct Startup {
    journal: JournalTail,
    /// When the process first wrote to the journal. By then everything but the model is open.
    wrote: Option<Instant>,
    at_work: bool,
    /// The journal says that the run ended; its exit status will say how.
    ended: bool,
}

impl Startup {
    /// Skips the records that the journal already holds, which are from earlier processes.
    fn skipping_earlier_records(folder: &SessionFolder) -> Self {
        let mut journal = JournalTail::new(&folder.journal());
        // Ignore a damaged journal here: the new process finds and reports the error.
        drop(journal.poll(drop));
        Self {
            journal,
            wrote: None,
            at_work: false,
            ended: false,
        }
    }

    /// Whether the wait is over. False once the run has ended: then the caller waits for its exit status.
    fn is_over(&mut self) -> bool {
        let Self {
            journal,
            wrote,
            at_work,
            ended,
        } = self;
        drop(journal.poll(|record| {
            wrote.get_or_insert_with(Instant::now);
            *at_work |= is_at_work(&record);
            *ended |= matches!(record.event, Event::Ended(_));
        }));
        !self.ended && (self.at_work || self.wrote.is_some_and(|wrote| wrote.elapsed() >= TIMEOUT))
    }
}

/// Whether this record shows that the model is open.
fn is_at_work(record: &Record) -> bool {
    match &record.event {
        Event::Phase(phase) => phase.stage.is_some(),
        Event::Step(_) | Event::Sample(_) | Event::Resumed(_) => true,
        _ => false,
    }
}

fn read_stderr(stderr: &mut File) -> io::Result<String> {
    let mut text = Vec::new();
    stderr.rewind()?;
    stderr.take(LONGEST_STDERR).read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_the_last_error() {
        assert_eq!(reason("masp: no data\n"), "no data");
        let several = "warning: slow\nmasp: 2 of 3 runs failed:\n  a: masp: x\n";
        assert_eq!(reason(several), "2 of 3 runs failed:\n  a: masp: x");
        assert_eq!(reason("killed\n"), "killed");
    }

    #[test]
    fn the_detached_command_names_the_new_session() {
        let given = ["train", "--data", "d", "--detach"].map(OsString::from);
        let expected = ["train", "--data", "d", "--session", "s", "--resume", "--headless"];
        assert_eq!(arguments(given.into_iter(), "s"), expected.map(OsString::from));
        let given = ["train", "--session=mine", "--resume", "--detach"].map(OsString::from);
        let expected = ["train", "--session=mine", "--resume", "--headless"];
        assert_eq!(arguments(given.into_iter(), "mine"), expected.map(OsString::from));
    }
}
