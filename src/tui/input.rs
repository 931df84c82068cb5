//! Keys from the terminal, on a thread of their own that survives the terminal's end.
//!
//! crossterm's own waiting never returns and takes a whole core once the terminal is gone. So this thread polls the terminal's
//! descriptor itself, beside a pipe that signals and the thread's owner wake it through, and asks crossterm only for what is there.

use std::{
    fs::File,
    io::{self, IsTerminal, Read},
    net::Shutdown,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crossbeam_channel::{SendError, Sender};
use crossterm::event::{self, Event, KeyEvent, KeyEventKind, MouseEvent};
use ratatui::layout::Size;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::{
    SigId,
    consts::{SIGHUP, SIGTERM, SIGWINCH},
    flag,
    low_level::{pipe, unregister},
};

use super::graphics::cell_size;

/// What came from the terminal, or became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Key(KeyEvent),
    Mouse(MouseEvent),
    /// The terminal has another size, or its cells have: their pixels, where it tells them.
    Resized(Option<Size>),
    /// SIGTERM.
    Terminated,
    /// The terminal is gone (hang-up); nothing more comes, and crossterm is not called again.
    Gone,
}

/// The thread; it ends when this is dropped.
#[derive(Debug)]
pub struct InputThread {
    wake: UnixStream,
    signals: Vec<SigId>,
    thread: Option<JoinHandle<()>>,
}

/// Which signals have come.
#[derive(Debug, Default)]
struct Signalled {
    hangup: Arc<AtomicBool>,
    terminate: Arc<AtomicBool>,
    resize: Arc<AtomicBool>,
}

impl InputThread {
    /// Starts the thread; what comes is sent to `inputs`.
    ///
    /// # Errors
    /// Where there is no terminal, or no pipe, signal handler or thread can be made.
    pub fn start(inputs: Sender<Input>) -> io::Result<Self> {
        let terminal = terminal()?;
        let (wake, woken) = UnixStream::pair()?;
        woken.set_nonblocking(true)?;
        let signalled = Signalled::default();
        let mut signals = Vec::new();
        for (signal, said) in [
            (SIGHUP, &signalled.hangup),
            (SIGTERM, &signalled.terminate),
            (SIGWINCH, &signalled.resize),
        ] {
            // In this order: when the pipe wakes the thread, the flag is up.
            signals.push(flag::register(signal, Arc::clone(said))?);
            signals.push(pipe::register(signal, wake.try_clone()?)?);
        }
        let listen = move || {
            // An error of poll itself or of crossterm: nothing can be read any more.
            if !matches!(listen(&terminal, woken, &signalled, &inputs), Ok(End::Owner)) {
                let _ = inputs.send(Input::Gone);
            }
        };
        let thread = thread::Builder::new().name("input".to_owned()).spawn(listen)?;
        Ok(Self {
            wake,
            signals,
            thread: Some(thread),
        })
    }
}

impl Drop for InputThread {
    fn drop(&mut self) {
        for signal in self.signals.drain(..) {
            unregister(signal);
        }
        if self.wake.shutdown(Shutdown::Both).is_ok() {
            let _ = self.thread.take().map(JoinHandle::join);
        }
    }
}

/// Why the thread ends.
enum End {
    /// The owner wants it, or takes nothing any more.
    Owner,
    Terminal,
}

impl From<SendError<Input>> for End {
    fn from(_: SendError<Input>) -> Self {
        Self::Owner
    }
}

/// Sends what comes until the terminal is gone or the owner wants no more.
fn listen(terminal: &OwnedFd, mut woken: UnixStream, signalled: &Signalled, inputs: &Sender<Input>) -> io::Result<End> {
    loop {
        let (there, hung_up) = {
            let mut watched = [PollFd::new(terminal, PollFlags::IN), PollFd::new(&woken, PollFlags::IN)];
            match poll(&mut watched, None) {
                Err(rustix::io::Errno::INTR) => continue,
                other => other?,
            };
            let said = watched[0].revents();
            (
                said.contains(PollFlags::IN),
                said.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL),
            )
        };
        if hung_up || signalled.hangup.load(Ordering::Relaxed) {
            return Ok(End::Terminal);
        }
        if woken_for_the_end(&mut woken) {
            return Ok(End::Owner);
        }
        let mut taken = Ok(());
        if signalled.resize.swap(false, Ordering::Relaxed) {
            taken = taken.and_then(|()| inputs.send(Input::Resized(cell_size(terminal))));
        }
        if signalled.terminate.swap(false, Ordering::Relaxed) {
            taken = taken.and_then(|()| inputs.send(Input::Terminated));
        }
        // Asked anew before each: a terminal that closes among waiting keys would hold crossterm in its poll for good.
        while taken.is_ok() && there && is_there(terminal) && event::poll(Duration::ZERO)? {
            match event::read()? {
                Event::Key(key) if key.kind != KeyEventKind::Release => taken = inputs.send(Input::Key(key)),
                Event::Mouse(mouse) => taken = inputs.send(Input::Mouse(mouse)),
                Event::Resize(..) => taken = inputs.send(Input::Resized(cell_size(terminal))),
                _ => {}
            }
        }
        if let Err(error) = taken {
            return Ok(error.into());
        }
    }
}

/// Whether the terminal has not hung up.
fn is_there(terminal: &OwnedFd) -> bool {
    let mut watched = [PollFd::new(terminal, PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    poll(&mut watched, Some(&now)).is_ok() && !watched[0].revents().intersects(gone)
}

/// Empties the wake pipe; true where its other end was shut.
fn woken_for_the_end(woken: &mut UnixStream) -> bool {
    let mut bytes = [0; 64];
    loop {
        match woken.read(&mut bytes) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

/// The descriptor that crossterm reads from: standard input, else the process's terminal.
///
/// # Errors
/// Where there is none.
pub fn terminal() -> io::Result<OwnedFd> {
    if io::stdin().is_terminal() {
        return io::stdin().as_fd().try_clone_to_owned();
    }
    Ok(File::open("/dev/tty")?.into())
}
