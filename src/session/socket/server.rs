//! The run's end of the control socket: greets viewers, reads their commands, and sends them the answers.

use std::{
    fs,
    io::{self, BufReader, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{
    Greeting, LONGEST_COMMAND, Message, PROTOCOL, SocketError,
    folder::{self, Identity},
    read_line,
};
use crate::{
    printable::printable,
    session::{Command, Record, SessionFolder},
};

/// The most viewers at a time; further ones are refused.
const MOST_VIEWERS: usize = 32;
/// The write timeout, after which a viewer that does not read is disconnected.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The pause after a failed `accept`.
const RETRY_PAUSE: Duration = Duration::from_millis(100);
/// How often the server checks that its socket still exists: a logout may remove the socket's folder.
const CHECK_INTERVAL: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };

/// A socket that is bound but not served yet, so that a failure to bind is known before the run begins.
#[derive(Debug)]
pub struct Listening {
    session: Identity,
    greeting: Greeting,
    folders: Vec<PathBuf>,
    path: PathBuf,
    listener: UnixListener,
}

impl Listening {
    /// Binds the socket of a session whose lock this process holds, in a folder that the environment names.
    ///
    /// # Errors
    /// There is no private folder for the socket, or the socket cannot be made.
    pub fn bind(session: &SessionFolder) -> Result<Self, SocketError> {
        Self::bind_in(session, folder::candidates(folder::environment))
    }

    /// [`Self::bind`] in the first of `folders` that can be used.
    ///
    /// # Errors
    /// As [`Self::bind`]; the error is that of the last folder tried.
    pub(super) fn bind_in(session: &SessionFolder, folders: Vec<PathBuf>) -> Result<Self, SocketError> {
        let identity = Identity::of(session)?;
        let (path, listener) = bind(identity, &folders)?;
        Ok(Self {
            session: identity,
            greeting: Greeting {
                masp: env!("CARGO_PKG_VERSION").to_owned(),
                protocol: PROTOCOL,
                session: session.name().to_owned(),
            },
            folders,
            path,
            listener,
        })
    }

    /// Serves viewers until the server is dropped: their commands go to `commands`, `answers` go to all of them.
    ///
    /// # Errors
    /// Where no thread can be started.
    pub fn serve(self, commands: Sender<Command>, answers: Receiver<Record>) -> io::Result<Server> {
        let viewers = Viewers::default();
        let (wake, woken) = UnixStream::pair()?;
        let tell = viewers.clone();
        let accepting = thread::Builder::new().name("socket".to_owned());
        let thread = accepting.spawn(move || self.accept(&woken, &viewers, &commands))?;
        thread::Builder::new()
            .name("answers".to_owned())
            .spawn(move || answers.iter().for_each(|answer| tell.broadcast(answer)))?;
        Ok(Server {
            wake,
            thread: Some(thread),
        })
    }

    fn accept(mut self, woken: &UnixStream, viewers: &Viewers, commands: &Sender<Command>) {
        loop {
            let mut polled = [
                PollFd::new(&self.listener, PollFlags::IN),
                PollFd::new(woken, PollFlags::IN),
            ];
            let there = match poll(&mut polled, Some(&CHECK_INTERVAL)) {
                Err(rustix::io::Errno::INTR) => continue,
                Err(_) => break,
                Ok(_) => (
                    polled[0].revents().contains(PollFlags::IN),
                    !polled[1].revents().is_empty(),
                ),
            };
            match there {
                (_, true) => break,
                (true, _) => {
                    match self.listener.accept() {
                        Ok((stream, _)) => viewers.admit(stream, &self.greeting, commands),
                        // The viewer gave up, or this process has no file descriptor left. Without the pause, the loop would
                        // keep a core busy.
                        Err(_) => thread::sleep(RETRY_PAUSE),
                    }
                }
                _ if self.path.exists() => {}
                _ => {
                    if let Ok((path, listener)) = bind(self.session, &self.folders) {
                        (self.path, self.listener) = (path, listener);
                    }
                }
            }
        }
        viewers.disconnect_all();
        drop(fs::remove_file(&self.path));
    }
}

/// A socket that is being served; dropping it disconnects all viewers and removes the socket.
#[derive(Debug)]
pub struct Server {
    wake: UnixStream,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.wake.write_all(b"!"));
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// Binds in the first usable folder. A socket that exists there is stale, because this process holds the session's lock.
fn bind(session: Identity, folders: &[PathBuf]) -> Result<(PathBuf, UnixListener), SocketError> {
    let mut hindrance = SocketError::NoFolder;
    for folder in folders {
        let bound = folder::make_private(folder).and_then(|()| {
            let path = folder::socket_in(folder, session)?;
            let failed = |source| SocketError::Io {
                action: "listen at",
                path: path.clone(),
                source,
            };
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
            let listener = UnixListener::bind(&path).map_err(failed)?;
            // A viewer may give up between poll and accept; accept must not block the thread then.
            listener.set_nonblocking(true).map_err(failed)?;
            Ok((path, listener))
        });
        match bound {
            Ok(bound) => return Ok(bound),
            Err(error) => hindrance = error,
        }
    }
    Err(hindrance)
}

/// The connected viewers: the run's end of each connection.
#[derive(Debug, Clone, Default)]
struct Viewers(Arc<Mutex<Vec<UnixStream>>>);

impl Viewers {
    fn with<T>(&self, change: impl FnOnce(&mut Vec<UnixStream>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Greets a viewer and reads its commands on a thread of its own. Drops the viewer if that fails or there are too many.
    fn admit(&self, stream: UnixStream, greeting: &Greeting, commands: &Sender<Command>) {
        let full = self.with(|all| all.len() >= MOST_VIEWERS);
        let begin = || -> io::Result<UnixStream> {
            stream.set_nonblocking(false)?;
            stream.set_write_timeout(Some(TIMEOUT))?;
            if full {
                // Sent instead of the greeting: a greeted viewer assumes that the run reads its commands.
                let reason =
                    format!("{MOST_VIEWERS} viewers watch this run already; leave one of them and attach again");
                write_line(&stream, &Message::Refused { reason })?;
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            // A client may send its command and close at once: read it even where the greeting cannot be sent.
            drop(write_line(&stream, greeting));
            stream.try_clone()
        };
        let Ok(reader) = begin() else { return };
        self.with(|all| all.push(stream));
        let (viewers, commands) = (self.clone(), commands.clone());
        let read = move || {
            if let Err(reason) = read_commands(&reader, &commands) {
                drop(write_line(&reader, &Message::Refused { reason }));
            }
            drop(reader.shutdown(std::net::Shutdown::Both));
            viewers.with(|all| all.retain(is_open));
        };
        // Without this thread the viewer still gets answers; it notices the failure when it sends a command.
        drop(thread::Builder::new().name("viewer".to_owned()).spawn(read));
    }

    fn broadcast(&self, answer: Record) {
        let message = Message::Answer(Box::new(answer));
        self.with(|all| {
            all.retain(|viewer| {
                let sent = write_line(viewer, &message).is_ok();
                if !sent {
                    // The viewer's thread ends with the connection.
                    drop(viewer.shutdown(std::net::Shutdown::Both));
                }
                sent
            });
        });
    }

    fn disconnect_all(&self) {
        self.with(|all| {
            for viewer in all.drain(..) {
                drop(viewer.shutdown(std::net::Shutdown::Both));
            }
        });
    }
}

/// Passes a viewer's commands on until it leaves or the run ends.
fn read_commands(stream: &UnixStream, commands: &Sender<Command>) -> Result<(), String> {
    let mut reader = BufReader::new(stream);
    while let Some(line) = read_line(&mut reader, LONGEST_COMMAND).map_err(|error| error.to_string())? {
        let command = serde_json::from_slice(&line)
            .map_err(|error| format!("this is not a command: {}", printable(&error.to_string())))?;
        // Blocks while the run is busy, so that no command is lost.
        if commands.send(command).is_err() {
            break;
        }
    }
    Ok(())
}

fn write_line(mut stream: &UnixStream, what: &impl serde::Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(what)?;
    line.push(b'\n');
    stream.write_all(&line)
}

/// Whether a connection is still open.
fn is_open(stream: &UnixStream) -> bool {
    // Linux reports a hang-up always, macOS only if it is asked for.
    let mut polled = [PollFd::new(stream, PollFlags::HUP)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut polled, Some(&now)).is_ok() && !polled[0].revents().contains(PollFlags::HUP)
}
