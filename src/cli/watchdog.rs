//! Ends a process after a signal when its output blocks: a full pipe, a stopped terminal.

use std::process::exit;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::output::Output;
use crate::engine::{Running, Signals};

/// How often the watchdog checks whether a signal asked the process to end.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// How long the last output of a run may take once the run is over and a signal asked the process to end.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Watches until dropped; after a signal, until the process has ended.
#[derive(Debug)]
pub struct Watchdog(#[expect(dead_code, reason = "dropping it stops the watchdog")] Sender<()>);

impl Watchdog {
    /// Starts the watchdog. It ends the process if the run ended after a signal, but the code that shows the run does not
    /// return.
    pub fn over(running: &Running, signals: Signals, output: Output) -> Self {
        let (held, dropped) = bounded(0);
        let over = running.over.clone();
        let watch = move || end_blocked_process(&over, &dropped, &signals, output);
        // Without this thread, the process still ends as long as somebody reads its output.
        drop(std::thread::Builder::new().name("watchdog".to_owned()).spawn(watch));
        Self(held)
    }
}

fn end_blocked_process(over: &Receiver<bool>, dropped: &Receiver<()>, signals: &Signals, output: Output) {
    let succeeded = over.recv().unwrap_or(false);
    while !signals.terminate.load(Ordering::Relaxed) {
        let over = dropped.recv_timeout(POLL_INTERVAL) == Err(RecvTimeoutError::Disconnected);
        // A signal may have come since the last look: the last messages can block, so keep watching.
        if over && !signals.terminate.load(Ordering::Relaxed) {
            return;
        }
    }
    std::thread::sleep(TIMEOUT);
    if output == Output::Screen {
        // Restore the echo of typed characters for the shell.
        drop(crossterm::terminal::disable_raw_mode());
    }
    #[expect(clippy::exit, reason = "the thread that would end the process is blocked")]
    exit(i32::from(!succeeded));
}
