//! What sessions there are, and how each stands.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    folder::SessionFolder,
    journal::{JournalError, each_record},
    state::RunState,
    summary::SessionSummary,
};
use crate::printable::printable_path;

/// Why the sessions cannot be listed.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the sessions' folder {}: {source}", printable_path(path))]
pub struct ListError {
    pub path: PathBuf,
    pub source: io::Error,
}

/// All sessions under a root, the latest start first. A missing root gives none; a session that cannot
/// be read is listed as unreadable.
///
/// # Errors
/// The root cannot be read.
pub fn list_sessions(root: &Path) -> Result<Vec<SessionSummary>, ListError> {
    let failed = |source| ListError {
        path: root.to_owned(),
        source,
    };
    let entries = match fs::read_dir(root) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut sessions = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if let Some(folder) = SessionFolder::at(&path) {
            sessions.push(summarise_session(&folder));
        } else if let Some(reason) = closed(&path) {
            let folder = SessionFolder::named(&entry_name(&path), &path);
            sessions.push(SessionSummary::of(&folder, &RunState::default(), Err(reason)));
        }
    }
    sessions.sort_by(|a, b| {
        let start = |s: &SessionSummary| s.started.unwrap_or(f64::NEG_INFINITY);
        start(b).total_cmp(&start(a)).then_with(|| a.name.cmp(&b.name))
    });
    Ok(sessions)
}

/// The error that keeps this user from looking into a folder, so that it may or may not hold a session.
fn closed(path: &Path) -> Option<String> {
    let looked = fs::symlink_metadata(path.join("lock")).err()?;
    let refused = looked.kind() == io::ErrorKind::PermissionDenied && path.is_dir();
    refused.then(|| format!("cannot look into {}: {looked}", printable_path(path)))
}

fn entry_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// How one session stands.
#[must_use]
pub fn summarise_session(folder: &SessionFolder) -> SessionSummary {
    let mut state = RunState::default();
    // Check the lock before the journal: a run that ends in between is then listed as live, not as crashed.
    let live = folder.is_live().map_err(|error| error.to_string());
    let read = match each_record(&folder.journal(), |record| state.apply(&record)) {
        Ok(()) => live,
        // A missing journal has no lines.
        Err(JournalError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => live,
        Err(error) => Err(error.to_string()),
    };
    SessionSummary {
        note: folder.note(),
        ..SessionSummary::of(folder, &state, read)
    }
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
