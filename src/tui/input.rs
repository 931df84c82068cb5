//! Keys from the terminal, on a thread of their own that survives the terminal's end.
//!
//! crossterm's own waiting never returns and takes a whole core once the terminal is gone. So this thread polls the terminal's
//! descriptor itself, beside a pipe that signals and the thread's owner wake it through, and asks crossterm only for what is there.
//! Where the terminal closes while crossterm reads, a second thread puts a silent descriptor in its place.

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
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::retry_on_intr,
};
use signal_hook::{
    SigId,
    consts::{SIGHUP, SIGINT, SIGTERM, SIGWINCH},
    flag,
    low_level::{pipe, unregister},
};

use super::graphics::cell_size;

/// What came from the terminal, or became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Key(KeyEvent),
    Mouse(MouseEvent),
    /// Text that was pasted, where the terminal tells it from keys.
    Pasted(String),
    /// The terminal has another size, or its cells have: their pixels, where it tells them.
    Resized(Option<Size>),
    /// SIGTERM, or SIGINT.
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
    /// What holds the silent descriptor open, and its thread; dropped last.
    _silence: UnixStream,
}

/// Poll's words for a terminal that is gone.
const GONE: PollFlags = PollFlags::HUP.union(PollFlags::ERR).union(PollFlags::NVAL);

/// How long crossterm waits for more of what came in one piece. Its reader looks at the terminal only where it may wait,
/// and then reads until there is no more.
const A_MOMENT: Duration = Duration::from_millis(1);

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
        if !io::stdin().is_terminal() {
            // So that crossterm reads standard input in any case, whose descriptor can be replaced.
            rustix::stdio::dup2_stdin(&terminal)?;
        }
        let (wake, woken) = UnixStream::pair()?;
        woken.set_nonblocking(true)?;
        let silence = silent_when_gone(terminal.try_clone()?)?;
        let signalled = Signalled::default();
        let mut signals = Vec::new();
        for (signal, said) in [
            (SIGHUP, &signalled.hangup),
            (SIGTERM, &signalled.terminate),
            // Ctrl-c is a key here; this is somebody's `kill -INT`.
            (SIGINT, &signalled.terminate),
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
            _silence: silence,
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
            retry_on_intr(|| poll(&mut watched, None))?;
            let said = watched[0].revents();
            (said.contains(PollFlags::IN), said.intersects(GONE))
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
        while taken.is_ok() && there && event::poll(A_MOMENT)? {
            match event::read()? {
                Event::Key(key) if key.kind != KeyEventKind::Release => taken = inputs.send(Input::Key(key)),
                Event::Mouse(mouse) => taken = inputs.send(Input::Mouse(mouse)),
                Event::Paste(text) => taken = inputs.send(Input::Pasted(text)),
                Event::Resize(..) => taken = inputs.send(Input::Resized(cell_size(terminal))),
                _ => {}
            }
        }
        if let Err(error) = taken {
            return Ok(error.into());
        }
    }
}

/// Once the terminal is gone, puts a descriptor on which nothing ever comes in the place of standard input: crossterm reads on
/// for ever at the end of a terminal that closed among waiting keys. The watch lasts as long as what is returned.
fn silent_when_gone(terminal: OwnedFd) -> io::Result<UnixStream> {
    let (open, silent) = UnixStream::pair()?;
    silent.set_nonblocking(true)?;
    let watch = move || {
        let nothing = PollFlags::empty();
        let mut watched = [PollFd::new(&terminal, nothing), PollFd::new(&silent, nothing)];
        let polled = retry_on_intr(|| poll(&mut watched, None));
        if polled.is_ok() && watched[0].revents().intersects(GONE) {
            let _ = rustix::stdio::dup2_stdin(&silent);
        }
    };
    thread::Builder::new().name("hang-up".to_owned()).spawn(watch)?;
    Ok(open)
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
