//! The control socket of a live run: viewers send [`Command`](super::Command)s and get complete answers. Everything else
//! that they show is in the journal, so a slow or dead viewer cannot delay the run.
//!
//! Each line, in both directions, is one JSON document. The run first sends a [`Greeting`]; then it sends [`Message`]s and reads
//! commands.

mod client;
mod folder;
#[cfg(test)]
mod hostile;
mod server;

use std::io::{self, BufRead, Read};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use client::{Connection, connect};
pub use folder::usable_folder;
pub use server::{Listening, Server};

use super::Record;
use crate::printable::printable_path;

/// The version of the socket's protocol; a viewer refuses a run with another one.
pub const PROTOCOL: u32 = 1;
/// The length in bytes beyond which a command's line is refused unread; commands are much shorter.
const LONGEST_COMMAND: u64 = 64 << 10;
/// The length in bytes beyond which an answer's line is refused; an answer holds the attention maps of one image.
const LONGEST_ANSWER: u64 = 64 << 20;

/// Why a viewer cannot reach a run, or a run cannot offer its socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    #[error("no folder for the control socket: set XDG_RUNTIME_DIR, XDG_STATE_HOME or HOME to a folder of yours")]
    NoFolder,
    #[error("{} is not a folder that only you can enter; remove it, or name another one with XDG_RUNTIME_DIR", printable_path(.0))]
    NotPrivate(PathBuf),
    #[error("{} is longer than a socket's name may be; name a shorter folder with XDG_RUNTIME_DIR", printable_path(.0))]
    TooLong(PathBuf),
    #[error("no process listens at the control socket of this session on this machine")]
    Nobody,
    #[error(
        "the run speaks version {theirs} of the control protocol and this program version {PROTOCOL}; use the masp that started it"
    )]
    Version { theirs: u32 },
    #[error(
        "the run does not answer: its process seems to be stopped; `fg` in its shell, or `kill -CONT`, lets it go on; \
         then open the session again to control it"
    )]
    Silent,
    #[error("the run takes no more commands: {reason}")]
    Refused { reason: String },
    #[error(
        "the process that answers at {} is not a run of this session: {reason}",
        printable_path(path)
    )]
    Stranger { path: PathBuf, reason: String },
    #[error("cannot {action} {}: {source}", printable_path(path))]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

/// The run's first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// The program's version.
    pub masp: String,
    pub protocol: u32,
    /// The session's name.
    pub session: String,
}

/// What the run says to its viewers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub enum Message {
    /// The journal's record of an answer with the attention maps, which the journal leaves out.
    Answer(Box<Record>),
    /// A line was not a command, or there are too many viewers; the run closes the connection.
    Refused { reason: String },
}

/// The next line without its line feed; None at the end of the stream.
fn read_line(reader: &mut impl BufRead, longest: u64) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    reader.take(longest).read_until(b'\n', &mut line)?;
    match line.pop() {
        Some(b'\n') => Ok(Some(line)),
        // The other side hung up in the middle of a line.
        Some(_) if (line.len() as u64) < longest - 1 => Ok(None),
        Some(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "a line is too long")),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests;
