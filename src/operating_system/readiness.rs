//! Waiting until files can be read or written: terminals, pipes, sockets.
//!
//! Linux has `poll`. On macOS `poll` does not take `/dev/tty` (it answers POLLNVAL), so `select` is used there, as crossterm
//! does.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionread, retry_on_intr};

/// Poll events that mean that the other end is closed, or the file cannot be used.
const CLOSED: PollFlags = PollFlags::HUP.union(PollFlags::ERR).union(PollFlags::NVAL);

/// A file that is waited for, and what the last [`wait`] has found.
#[derive(Debug)]
pub struct Watched<'a> {
    file: BorrowedFd<'a>,
    awaited: Awaited,
    ready: bool,
    closed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaited {
    Input,
    Room,
}

impl<'a> Watched<'a> {
    /// Waits for something to read.
    pub fn for_input(file: &'a impl AsFd) -> Self {
        Self::new(file, Awaited::Input)
    }

    /// Waits until something can be written.
    pub fn for_room(file: &'a impl AsFd) -> Self {
        Self::new(file, Awaited::Room)
    }

    fn new(file: &'a impl AsFd, awaited: Awaited) -> Self {
        Self {
            file: file.as_fd(),
            awaited,
            ready: false,
            closed: false,
        }
    }

    /// Whether there is something to read or, with [`Self::for_room`], to write.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.ready
    }

    /// Whether the other end is closed, or the file cannot be used.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether a read or a write would not wait, be it that it fails.
    #[must_use]
    pub const fn would_not_wait(&self) -> bool {
        self.ready || self.closed
    }
}

/// Waits until one of the files is ready or closed, a signal is handled, or `limit` is over.
///
/// # Errors
/// What the system reports.
pub fn wait(watched: &mut [Watched<'_>], limit: Option<Duration>) -> io::Result<()> {
    for one in &mut *watched {
        (one.ready, one.closed) = (false, false);
    }
    let waited = if cfg!(target_os = "macos") {
        by_select(watched, limit)
    } else {
        by_poll(watched, limit)
    };
    match waited {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        waited => waited,
    }
}

fn by_poll(watched: &mut [Watched<'_>], limit: Option<Duration>) -> io::Result<()> {
    let asked = |one: &Watched<'_>| match one.awaited {
        Awaited::Input => PollFlags::IN,
        Awaited::Room => PollFlags::OUT,
    };
    let mut polled: Vec<PollFd<'_>> = watched
        .iter()
        .map(|one| PollFd::from_borrowed_fd(one.file, asked(one)))
        .collect();
    let limit = limit.map(Timespec::try_from).transpose().map_err(|_| Errno::INVAL)?;
    poll(&mut polled, limit.as_ref())?;
    for (one, polled) in watched.iter_mut().zip(polled) {
        let found = polled.revents();
        one.ready = found.contains(asked(one));
        one.closed = found.intersects(CLOSED);
    }
    Ok(())
}

/// `select` tells whether a read would wait, which it would not at the end either. It is the end if there is nothing to read.
/// Only the thread that reads a file may ask, because another thread may find that its input was read meanwhile.
fn by_select(watched: &mut [Watched<'_>], limit: Option<Duration>) -> io::Result<()> {
    let found = select(watched, limit)?;
    for (one, would_not_wait) in watched.iter_mut().zip(found) {
        let file = one.file;
        let empty = || ioctl_fionread(file).map_or(true, |bytes| bytes == 0);
        // Asked again: a process that was stopped here finds no input if the shell has read it meanwhile.
        let at_end = one.awaited == Awaited::Input
            && would_not_wait
            && empty()
            && select(std::slice::from_ref(one), Some(Duration::ZERO))? == [true]
            && empty();
        one.ready = would_not_wait && !at_end;
        one.closed = at_end;
    }
    Ok(())
}

/// For each file, whether a read or a write would not wait.
fn select(watched: &[Watched<'_>], limit: Option<Duration>) -> io::Result<Vec<bool>> {
    let asked = |one: &Watched<'_>| filedescriptor::pollfd {
        fd: one.file.as_raw_fd(),
        events: match one.awaited {
            Awaited::Input => filedescriptor::POLLIN,
            Awaited::Room => filedescriptor::POLLOUT,
        },
        revents: 0,
    };
    let mut polled: Vec<filedescriptor::pollfd> = watched.iter().map(asked).collect();
    // On macOS this function of `filedescriptor` is `select`. On Linux, where only tests call it, it is `poll`.
    filedescriptor::poll(&mut polled, limit).map_err(|error| match error {
        filedescriptor::Error::Io(error) | filedescriptor::Error::Poll(error) => error,
        error => io::Error::other(error),
    })?;
    Ok(polled.iter().map(|one| one.revents != 0).collect())
}

/// Waits until the other end of `terminal` is closed, also while another thread reads from it, or until the other end of `end`
/// is. Tells whether it was the terminal's.
///
/// On macOS it waits for `end` alone: `select` does not tell a hang-up from input that another thread is about to read.
///
/// # Errors
/// What the system reports.
pub fn wait_for_hang_up(terminal: &impl AsFd, end: &impl AsFd) -> io::Result<bool> {
    if cfg!(target_os = "macos") {
        let mut watched = [Watched::for_input(end)];
        while !watched[0].is_closed() {
            wait(&mut watched, None)?;
        }
        return Ok(false);
    }
    let nothing = PollFlags::empty();
    let mut watched = [PollFd::new(terminal, nothing), PollFd::new(end, nothing)];
    retry_on_intr(|| poll(&mut watched, None))?;
    Ok(watched[0].revents().intersects(CLOSED))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    use std::thread;

    use portable_pty::{PtySize, native_pty_system};

    use super::*;

    const SOON: Duration = Duration::from_secs(10);
    const NOW: Duration = Duration::ZERO;

    type Wait = fn(&mut [Watched<'_>], Option<Duration>) -> io::Result<()>;
    const WAYS: [Wait; 2] = [by_poll, by_select];

    /// Whether it is ready, and whether it is closed.
    fn found(way: Wait, mut watched: Watched<'_>, limit: Duration) -> (bool, bool) {
        way(std::slice::from_mut(&mut watched), Some(limit)).unwrap();
        (watched.ready, watched.closed)
    }

    #[test]
    fn input_comes_before_the_end_and_is_told_from_it() {
        for way in WAYS {
            let (mut ours, mut theirs) = UnixStream::pair().unwrap();
            assert_eq!(found(way, Watched::for_input(&ours), NOW), (false, false));
            theirs.write_all(b"ab").unwrap();
            assert_eq!(found(way, Watched::for_input(&ours), SOON), (true, false));
            ours.read_exact(&mut [0; 2]).unwrap();
            assert_eq!(found(way, Watched::for_input(&ours), NOW), (false, false));
            drop(theirs);
            assert!(found(way, Watched::for_input(&ours), SOON).1);
        }
    }

    #[test]
    fn each_of_several_files_has_its_own_answer() {
        for way in WAYS {
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            let (silent, _open) = UnixStream::pair().unwrap();
            theirs.write_all(b"a").unwrap();
            let mut watched = [
                Watched::for_input(&silent),
                Watched::for_input(&ours),
                Watched::for_room(&silent),
            ];
            way(&mut watched, None).unwrap();
            assert_eq!(watched.map(|one| one.would_not_wait()), [false, true, true]);
        }
    }

    /// A terminal as the input thread has it, with each key delivered at once.
    #[test]
    fn the_end_of_a_terminal_is_no_input() {
        for way in WAYS {
            let pair = native_pty_system().openpty(PtySize::default()).unwrap();
            let terminal = File::options()
                .read(true)
                .open(pair.master.tty_name().unwrap())
                .unwrap();
            let mut modes = rustix::termios::tcgetattr(&terminal).unwrap();
            modes.make_raw();
            rustix::termios::tcsetattr(&terminal, rustix::termios::OptionalActions::Now, &modes).unwrap();
            drop(pair.slave);
            assert_eq!(found(way, Watched::for_input(&terminal), NOW), (false, false));
            let mut keys = pair.master.take_writer().unwrap();
            keys.write_all(b"q").unwrap();
            keys.flush().unwrap();
            assert_eq!(found(way, Watched::for_input(&terminal), SOON), (true, false));
            assert_eq!((&terminal).read(&mut [0; 8]).unwrap(), 1);
            assert_eq!(found(way, Watched::for_input(&terminal), NOW), (false, false));
            drop((keys, pair.master));
            assert!(found(way, Watched::for_input(&terminal), SOON).1);
        }
    }

    #[test]
    fn a_full_pipe_has_no_room_and_a_closed_one_does_not_make_wait() {
        for way in WAYS {
            let (mut reader, mut writer) = io::pipe().unwrap();
            let piece = [b'x'; 4096];
            let mut pieces = 0;
            while found(way, Watched::for_room(&writer), NOW).0 {
                writer.write_all(&piece).unwrap();
                pieces += 1;
            }
            assert!(pieces > 0);
            reader.read_exact(&mut vec![0; pieces * piece.len()]).unwrap();
            assert_eq!(found(way, Watched::for_room(&writer), NOW), (true, false));
            drop(reader);
            let mut watched = Watched::for_room(&writer);
            way(std::slice::from_mut(&mut watched), Some(NOW)).unwrap();
            assert!(watched.would_not_wait());
        }
    }

    #[test]
    fn a_wait_for_a_hang_up_ends_with_the_terminal_or_with_its_owner() {
        for of_terminal in [true, false] {
            if of_terminal && cfg!(target_os = "macos") {
                continue;
            }
            let (terminal, other) = UnixStream::pair().unwrap();
            let (end, owner) = UnixStream::pair().unwrap();
            let waiting = thread::spawn(move || wait_for_hang_up(&terminal, &end).unwrap());
            (&other).write_all(b"input is no hang-up").unwrap();
            thread::sleep(Duration::from_millis(50));
            assert!(!waiting.is_finished());
            let kept = if of_terminal {
                drop(other);
                owner
            } else {
                drop(owner);
                other
            };
            assert_eq!(waiting.join().unwrap(), of_terminal);
            drop(kept);
        }
    }
}
