//! Lets a long computation stop between two layers when the process is to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::{Error, Result};

/// What the error says by which it is told from others: candle keeps no other kind of error apart.
const WORDS: &str = "the computation was given up, for the process is to end";

/// Set from outside where a computation is to be given up; by itself it never is.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(pub Arc<AtomicBool>);

impl Interrupt {
    /// Whether what is computed is not wanted any more.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// To be asked before each layer, and after the last.
    ///
    /// # Errors
    /// Where the computation is to be given up; [`is_interrupt`] knows it.
    pub fn check(&self) -> Result<()> {
        if self.is_set() {
            // Not `Error::msg`, which would put a backtrace behind it.
            return Err(Error::Msg(WORDS.to_owned()));
        }
        Ok(())
    }
}

/// Whether an error says that a computation was given up.
#[must_use]
pub fn is_interrupt(error: &Error) -> bool {
    matches!(error, Error::Msg(words) if words == WORDS)
}
