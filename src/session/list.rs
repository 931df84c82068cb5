//! What sessions there are, and how each stands.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{event::Stage, folder::SessionFolder, scan::Scan};
use crate::printable::printable_path;

/// How a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// A process holds its lock.
    Live,
    /// Live, and told to pause.
    Paused,
    /// All its steps were made.
    Finished,
    /// Stopped by a person or a signal; `--resume` goes on.
    Stopped,
    /// Ended by an error, which its journal names.
    Failed,
    /// Its process ended without an `ended` event; `--resume` goes on.
    Crashed,
    /// Its journal cannot be read; `problem` says why.
    Unreadable,
}

impl SessionState {
    /// The name in tables and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Paused => "paused",
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Crashed => "crashed",
            Self::Unreadable => "unreadable",
        }
    }
}

/// A session's row in the list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SessionSummary {
    pub name: String,
    pub path: PathBuf,
    pub state: SessionState,
    pub model: String,
    /// The dataset's root.
    pub data: String,
    pub dataname: String,
    pub device: String,
    /// The stage that made the last step, and its steps.
    pub stage: Option<Stage>,
    pub step: u64,
    /// Steps planned for the stage; None where it has made more.
    pub planned: Option<u64>,
    /// Optimiser steps of all stages.
    pub steps: u64,
    /// The highest accuracy on a split other than `test`, or on `test` where there is no other. Only the evaluations with
    /// the most images count.
    pub best_accuracy: Option<f64>,
    /// The accuracy of the last evaluation on `test`: by `masp eval` on the session's own data, else by the run.
    pub test_accuracy: Option<f64>,
    /// Seconds since the Unix epoch.
    pub started: Option<f64>,
    /// Seconds that it ran, without the gaps before a resume.
    pub duration: f64,
    /// Why it failed, or why it cannot be read.
    pub problem: Option<String>,
    /// The user's note (`note.txt` in its folder).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// The settings as the session recorded them; null where nothing could be read.
    #[serde(skip)]
    pub settings: serde_json::Value,
    /// The losses of the stage that made the last step, at most [`SPARK`] means of neighbours.
    #[serde(skip)]
    pub spark: Vec<f64>,
}

/// Points of a summary's small curve.
pub const SPARK: usize = 24;

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
            sessions.push(Scan::default().into_summary(&folder, Err(reason)));
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
    let mut scan = Scan::default();
    // Check the lock before the journal: a run that ends in between is then listed as live, not as crashed.
    let live = folder.is_live().map_err(|error| error.to_string());
    let read = match scan.read(&folder.journal()) {
        Ok(()) => live,
        Err(reason) => Err(reason),
    };
    SessionSummary {
        note: folder.note(),
        ..scan.into_summary(folder, read)
    }
}

impl SessionSummary {
    /// `prompt 400/1200`, or nothing before the first step.
    #[must_use]
    pub fn progress(&self) -> String {
        match (self.stage, self.planned) {
            (Some(stage), Some(planned)) => {
                format!("{} {}/{planned}", stage.name(), self.step)
            }
            (Some(stage), None) => format!("{} {}", stage.name(), self.step),
            (None, _) => String::new(),
        }
    }
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
