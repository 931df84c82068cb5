//! Reads keys from the terminal on a thread that survives the loss of the terminal.
//!
//! Once the terminal is gone, crossterm's own wait never returns and occupies a whole core. So this thread polls the
//! terminal's descriptor itself, together with a pipe through which signals and the thread's owner wake it, and calls
//! crossterm only when input is available. If the terminal closes while crossterm reads, a second thread replaces
//! standard input by a silent descriptor.

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

use crossterm::event::{self, Event, KeyEvent, KeyEventKind, MouseEvent};
use ratatui::layout::Size;
use signal_hook::{
    SigId,
    consts::{SIGHUP, SIGINT, SIGTERM, SIGWINCH},
    flag,
    low_level::{pipe, unregister},
};

use super::{graphics::cell_size, post::Post};
use crate::operating_system::{Watched, wait, wait_for_hang_up};

/// An event from the terminal, or a change of its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Key(KeyEvent),
    Mouse(MouseEvent),
    /// Pasted text, if the terminal marks it.
    Pasted(String),
    /// The terminal's size has changed, or its cells' size in pixels, given if the terminal reports it.
    Resized(Option<Size>),
    /// SIGTERM, or SIGINT.
    Terminated,
    /// The terminal is gone (hang-up). No more events follow, and crossterm is not called again.
    Gone,
}

/// The input thread; dropping this ends it.
#[derive(Debug)]
pub struct InputThread {
    wake: UnixStream,
    signals: Vec<SigId>,
    thread: Option<JoinHandle<()>>,
    /// Keeps the silent descriptor's thread alive; dropped last.
    _silence: UnixStream,
}

/// How long crossterm waits for the rest of input that arrived together. Its reader looks at the terminal only if it
/// may wait, and then reads until there is no more.
const A_MOMENT: Duration = Duration::from_millis(1);

/// Which signals have arrived.
#[derive(Debug, Default)]
struct Signalled {
    hangup: Arc<AtomicBool>,
    terminate: Arc<AtomicBool>,
    resize: Arc<AtomicBool>,
}

impl InputThread {
    /// Starts the thread, which sends events to `inputs`.
    ///
    /// # Errors
    /// If there is no terminal, or if a pipe, signal handler or thread cannot be created.
    pub fn start(inputs: Post<Input>) -> io::Result<Self> {
        let terminal = terminal()?;
        if !io::stdin().is_terminal() {
            // Ensures that crossterm reads standard input, whose descriptor we can replace.
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
            // Ctrl-c arrives as a key, so a SIGINT comes from `kill -INT`.
            (SIGINT, &signalled.terminate),
            (SIGWINCH, &signalled.resize),
        ] {
            // Registered in this order, so that the flag is set before the pipe wakes the thread.
            signals.push(flag::register(signal, Arc::clone(said))?);
            signals.push(pipe::register(signal, wake.try_clone()?)?);
        }
        let listen = move || {
            // However it ends, nothing more can be read, and the end of `inputs` tells whoever still waits.
            let _ = listen(&terminal, woken, &signalled, &inputs);
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

/// Sends events until the terminal is gone or the owner wants no more.
fn listen(terminal: &OwnedFd, mut woken: UnixStream, signalled: &Signalled, inputs: &Post<Input>) -> io::Result<()> {
    loop {
        let (there, hung_up) = {
            let mut watched = [Watched::for_input(terminal), Watched::for_input(&woken)];
            wait(&mut watched, None)?;
            (watched[0].is_ready(), watched[0].is_closed())
        };
        if hung_up || signalled.hangup.load(Ordering::Relaxed) {
            return Ok(());
        }
        if woken_for_the_end(&mut woken) {
            return Ok(());
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
        if taken.is_err() {
            return Ok(());
        }
    }
}

/// Once the terminal is gone, replaces standard input by a descriptor on which nothing ever arrives: otherwise
/// crossterm keeps reading forever at the end of a terminal that closed while keys were pending. The returned value
/// keeps the watch alive. On macOS, where a hang-up cannot be waited for, crossterm's reads end with the time that they may
/// wait.
fn silent_when_gone(terminal: OwnedFd) -> io::Result<UnixStream> {
    let (open, silent) = UnixStream::pair()?;
    silent.set_nonblocking(true)?;
    let watch = move || {
        if wait_for_hang_up(&terminal, &silent).unwrap_or(false) {
            let _ = rustix::stdio::dup2_stdin(&silent);
        }
    };
    thread::Builder::new().name("hang-up".to_owned()).spawn(watch)?;
    Ok(open)
}

/// Empties the wake pipe; returns true if its other end was closed.
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
