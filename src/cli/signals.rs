//! How a run handles the system's signals.
//!
//! | signal | effect |
//! |---|---|
//! | SIGTERM, SIGINT, SIGXCPU | a checkpoint after the step, then the process ends; a second SIGINT ends it at once |
//! | SIGUSR1, SIGUSR2 | a checkpoint after the step: batch systems send them some time before their limit |
//! | SIGHUP | none: the terminal is gone, and the run goes on without it |
//! | SIGXFSZ | none: writing to a file that has reached its size limit then fails with an error |

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use signal_hook::SigId;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU, SIGXFSZ};
use signal_hook::{flag, low_level};

use super::failure::Failure;
use crate::engine::Signals;

/// Set after a run, until the next one begins. While it is set, terminating signals have their default action.
static IDLE: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// While this value lives, the signals go to the run.
#[derive(Debug)]
pub struct SignalForwarding(Vec<SigId>);

impl Drop for SignalForwarding {
    fn drop(&mut self) {
        IDLE.store(true, Ordering::Relaxed);
        for &id in &self.0 {
            low_level::unregister(id);
        }
    }
}

/// Passes the system's signals on to a run.
///
/// # Errors
/// Where the signals cannot be handled.
pub fn forward_signals(signals: &Signals) -> Result<SignalForwarding, Failure> {
    let mut forwarding = SignalForwarding(Vec::new());
    let failed = |signal, error| Failure::failed(format!("cannot handle signal {signal}: {error}"));
    for signal in [SIGTERM, SIGINT, SIGXCPU] {
        // Never unregistered: without any action, the signal would be ignored once the run is over.
        let idle = flag::register_conditional_default(signal, Arc::clone(&IDLE));
        idle.map_err(|error| failed(signal, error))?;
    }
    IDLE.store(false, Ordering::Relaxed);
    let mut register = |signal, registered: std::io::Result<SigId>| match registered {
        Ok(id) => {
            forwarding.0.push(id);
            Ok(())
        }
        Err(error) => Err(failed(signal, error)),
    };
    let (terminate, checkpoint) = (&signals.terminate, &signals.checkpoint);
    // Ctrl-c without a screen; a second one ends the process at once.
    let again = flag::register_conditional_shutdown(SIGINT, 130, Arc::clone(terminate));
    register(SIGINT, again)?;
    for signal in [SIGTERM, SIGINT, SIGXCPU] {
        register(signal, flag::register(signal, Arc::clone(terminate)))?;
    }
    for signal in [SIGUSR1, SIGUSR2] {
        register(signal, flag::register(signal, Arc::clone(checkpoint)))?;
    }
    for signal in [SIGHUP, SIGXFSZ] {
        register(signal, flag::register(signal, Arc::default()))?;
    }
    Ok(forwarding)
}
