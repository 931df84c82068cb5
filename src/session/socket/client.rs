//! The viewer's end of the control socket: sends commands to the run and receives its answers.

use std::{
    io::{self, BufReader, Write},
    os::unix::net::UnixStream,
    path::PathBuf,
    thread,
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::{
    Greeting, LONGEST_ANSWER, LONGEST_COMMAND, Message, PROTOCOL, SocketError,
    folder::{self, Identity},
    read_line,
};
use crate::{
    printable::printable,
    session::{Command, Event, Record, SessionFolder, UNKEPT, Warning, now},
};

/// How long to wait for the greeting. A run greets at once; a process that stays silent is not one.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A connection to the run; dropping `commands` closes it.
#[derive(Debug)]
pub struct Connection {
    pub commands: Sender<Command>,
    /// Disconnected when the run ends.
    pub answers: Receiver<Record>,
}

/// Connects to the run that works on a session. The folder is found by device and inode, so it may have been renamed.
///
/// # Errors
/// Nobody listens on this machine, or a run with another protocol version does.
pub fn connect(session: &SessionFolder) -> Result<Connection, SocketError> {
    connect_in(session, &folder::candidates(folder::environment))
}

/// [`connect`], looking into `folders`.
pub(super) fn connect_in(session: &SessionFolder, folders: &[PathBuf]) -> Result<Connection, SocketError> {
    let session = Identity::of(session)?;
    let mut hindrance = SocketError::Nobody;
    for folder in folders {
        let path = match folder::socket_in(folder, session) {
            Ok(path) => path,
            Err(error) => {
                hindrance = error;
                continue;
            }
        };
        match UnixStream::connect(&path) {
            Ok(stream) => return open(stream, path),
            // No socket here, or a stale one, which refuses connections: try the next folder.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {}
            Err(source) => {
                hindrance = SocketError::Io {
                    action: "connect to",
                    path,
                    source,
                }
            }
        }
    }
    Err(hindrance)
}

fn open(stream: UnixStream, path: PathBuf) -> Result<Connection, SocketError> {
    let greeted = greet(&stream).and_then(|reader| Ok((reader, stream.try_clone()?)));
    let (reader, writer) = greeted.map_err(|source| match source.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => SocketError::Silent,
        _ => SocketError::Io {
            action: "be greeted at",
            path: path.clone(),
            source,
        },
    })?;
    let (mut reader, first) = reader;
    let stranger = |reason: String| SocketError::Stranger {
        path: path.clone(),
        reason: printable(&reason).into_owned(),
    };
    let first = first.ok_or_else(|| stranger("it closed the connection".to_owned()))?;
    if let Ok(Message::Refused { reason }) = serde_json::from_slice(&first) {
        let reason = printable(&reason).into_owned();
        return Err(SocketError::Refused { reason });
    }
    let greeting: Greeting = serde_json::from_slice(&first).map_err(|error| stranger(error.to_string()))?;
    if greeting.protocol != PROTOCOL {
        return Err(SocketError::Version {
            theirs: greeting.protocol,
        });
    }
    let (commands, given) = bounded::<Command>(64);
    let (told, answers) = unbounded();
    let write = move || {
        let mut stream = writer;
        for command in given {
            let Ok(mut line) = serde_json::to_vec(&command) else {
                break;
            };
            line.push(b'\n');
            if stream.write_all(&line).is_err() {
                break;
            }
        }
        // This also ends the reading thread.
        drop(stream.shutdown(std::net::Shutdown::Both));
    };
    let read = move || {
        while let Ok(Some(line)) = read_line(&mut reader, LONGEST_ANSWER) {
            match serde_json::from_slice(&line) {
                Ok(Message::Answer(answer)) => {
                    if told.send(*answer).is_err() {
                        break;
                    }
                }
                // The run closes the connection after a refusal, so later commands fail.
                Ok(Message::Refused { reason }) => {
                    drop(told.send(refusal(&reason)));
                    break;
                }
                Err(_) => break,
            }
        }
        drop(reader.get_ref().shutdown(std::net::Shutdown::Both));
    };
    let start = |name: &str, work: Box<dyn FnOnce() + Send>| {
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(work)
            .map_err(|source| SocketError::Io {
                action: "start a thread for",
                path: path.clone(),
                source,
            })
    };
    start("to the run", Box::new(write))?;
    start("from the run", Box::new(read))?;
    Ok(Connection { commands, answers })
}

/// The warning that the run no longer reads this viewer's commands.
fn refusal(reason: &str) -> Record {
    let text = format!("the run takes no more commands from here: {}", printable(reason));
    Record::new(UNKEPT, now(), Event::Warning(Warning { text, step: None }))
}

/// Reads the greeting, if one comes.
fn greet(stream: &UnixStream) -> io::Result<(BufReader<UnixStream>, Option<Vec<u8>>)> {
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let first = read_line(&mut reader, LONGEST_COMMAND)?;
    stream.set_read_timeout(None)?;
    Ok((reader, first))
}
