//! `masp sessions export --live`: TensorBoard's events while the run goes on.

use std::io::Write;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use super::error::SessionsError;
use crate::cli::failure::Failure;
use crate::export::LiveEvents;
use crate::printable::printable_path;
use crate::session::SessionFolder;

/// TensorBoard itself looks for news every few seconds.
const PAUSE: Duration = Duration::from_secs(1);

/// Writes the session's event file into the folder `to` and appends to it until no process writes the session any more.
///
/// # Errors
/// The journal cannot be read, or the file cannot be written.
pub(super) fn follow(folder: &SessionFolder, to: &Path, out: &mut impl Write) -> Result<(), Failure> {
    let mut events = LiveEvents::begin(folder, to).map_err(SessionsError::from)?;
    let mut told = false;
    loop {
        if let Some(file) = events.file().filter(|_| !told) {
            writeln!(out, "writing {}", printable_path(file))?;
            out.flush()?;
            told = true;
        }
        // Look at the lock before the journal: what a run writes just before its end is then read, too.
        let goes_on = folder.is_live().map_err(SessionsError::from)?;
        events.follow().map_err(SessionsError::from)?;
        if !goes_on {
            break;
        }
        sleep(PAUSE);
    }
    match events.file() {
        Some(file) => writeln!(out, "wrote {}", printable_path(file))?,
        None => writeln!(
            out,
            "the session has no step, and no process works on it, so nothing was written"
        )?,
    }
    Ok(())
}
