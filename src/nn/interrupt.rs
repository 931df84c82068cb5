//! Stops a long computation between two layers when the process is about to exit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::{Error, Result};

/// The error's message, by which [`is_interrupt`] recognises it: candle has no error variant that we could use.
const MESSAGE: &str = "the computation was stopped because the process is about to exit";

/// Set by others to abort a computation; by default it is never set.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(pub Arc<AtomicBool>);

impl Interrupt {
    /// Whether the computation's result is no longer wanted.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Call this before each layer, and after the last.
    ///
    /// # Errors
    /// If the computation is to be aborted; [`is_interrupt`] recognises the error.
    pub fn check(&self) -> Result<()> {
        if self.is_set() {
            // `Error::msg` would append a backtrace.
            return Err(Error::Msg(MESSAGE.to_owned()));
        }
        Ok(())
    }
}

/// Whether an error comes from an aborted computation.
#[must_use]
pub fn is_interrupt(error: &Error) -> bool {
    matches!(error, Error::Msg(message) if message == MESSAGE)
}
