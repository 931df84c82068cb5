//! `masp sessions list`.

use std::io::Write;

use super::error::SessionsError;
use super::table::{aligned, session_row};
use crate::cli::json::write_line;
use crate::printable::printable;
use crate::session::SessionSummary;

/// Prints the sessions to `out`: as a table, or with `json` as one document, a list of [`SessionSummary`].
///
/// # Errors
/// A closed output.
pub(super) fn list(sessions: &[SessionSummary], json: bool, out: &mut impl Write) -> Result<(), SessionsError> {
    if json {
        return Ok(write_line(out, &sessions)?);
    }
    if sessions.is_empty() {
        writeln!(out, "no sessions yet; `masp demo` creates the first ones")?;
        return Ok(());
    }
    let heads = [
        "NAME",
        "STATE",
        "PROGRESS",
        "STEPS",
        "BEST",
        "TEST",
        "STARTED (UTC)",
        "TIME",
        "DATA",
        "MODEL",
    ];
    let mut table = vec![heads.map(str::to_owned)];
    table.extend(sessions.iter().map(session_row));
    for line in aligned(&table) {
        writeln!(out, "{line}")?;
    }
    for session in sessions {
        if let Some(problem) = &session.problem {
            writeln!(out, "{}: {}", printable(&session.name), printable(problem))?;
        }
    }
    Ok(())
}
