//! What `masp eval SESSION` leaves in the session: one folder for each evaluation, written whole or not at all, with a note
//! that says which parameters were evaluated on which data.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::{ImageResult, Metrics, SessionFolder, Stage, Utc, journal_block::LONGEST_LINE, write_results};
use crate::atomic_file::{PARTIAL, write_bytes_atomically};
use crate::bounded_file::read_bounded;
use crate::inside::inside_links_too;
use crate::printable::printable_path;

const NOTE: &str = "evaluation.json";
const METRICS: &str = "metrics.json";
const PREDICTIONS: &str = "predictions.jsonl";
/// What older versions wrote instead of the note; it names only a checkpoint.
const CHECKPOINT: &str = "checkpoint.json";
/// The length of `20261122-130924`.
const SECOND: usize = 15;
/// Partial folders of a killed writer are removed at this age. A live writer holds a lock on its folder.
const STALE_AGE: Duration = Duration::from_secs(60);

/// Whose answers an evaluation holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Evaluated {
    /// One of the session's checkpoints.
    Checkpoint { stage: Stage, step: u64 },
    /// The model as it is, without aspects and prompt.
    Frozen,
    /// Parameters from other files; a part that is not named is the session's own.
    Files {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prompt: Option<PathBuf>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        aspects: Option<PathBuf>,
    },
}

/// What was evaluated, and on what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvaluationNote {
    #[serde(flatten)]
    pub evaluated: Evaluated,
    /// The dataset's root; empty where an older version did not record it.
    #[serde(default)]
    pub data: String,
    /// Whether `data` is the dataset that the session was trained on.
    pub own_data: bool,
}

/// An evaluation that no run made.
#[derive(Debug, Clone, PartialEq)]
pub struct LaterEvaluation {
    /// Its folder's name: `20261122-130924-test`; a second one within the same second is `20261122-130924-2-test`.
    pub name: String,
    /// The name without the split.
    pub time: String,
    pub split: String,
    /// None where an older version wrote no note.
    pub note: Option<EvaluationNote>,
    session: PathBuf,
}

/// An evaluation that could not be kept.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", printable_path(path))]
pub struct KeepError {
    pub path: PathBuf,
    pub source: io::Error,
}

impl LaterEvaluation {
    /// Whether it evaluated the session's own parameters on its own data; true where there is no note.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.note
            .as_ref()
            .is_none_or(|note| note.own_data && matches!(note.evaluated, Evaluated::Checkpoint { .. }))
    }

    /// Whether it is of the frozen model on the session's own data.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.note
            .as_ref()
            .is_some_and(|note| note.own_data && note.evaluated == Evaluated::Frozen)
    }

    /// Its figures; None where they are missing or cannot be read.
    #[must_use]
    pub fn metrics(&self) -> Option<Metrics> {
        serde_json::from_slice(&read_bounded(&self.file(METRICS)?, LONGEST_LINE).ok()?).ok()
    }

    /// The file of its predictions, where there is one.
    #[must_use]
    pub fn predictions(&self) -> Option<PathBuf> {
        self.file(PREDICTIONS).filter(|path| path.is_file())
    }

    fn file(&self, name: &str) -> Option<PathBuf> {
        inside_links_too(&self.session, &Path::new("evaluations").join(&self.name).join(name))
    }

    fn at(session: &Path, name: &str) -> Option<Self> {
        let (time, split) = name.rsplit_once('-').filter(|_| !name.starts_with('.'))?;
        let mut found = Self {
            name: name.to_owned(),
            time: time.to_owned(),
            split: split.to_owned(),
            note: None,
            session: session.to_owned(),
        };
        found.note = found.read_note();
        Some(found)
    }

    fn read_note(&self) -> Option<EvaluationNote> {
        let read = |name: &str| read_bounded(&self.file(name)?, LONGEST_LINE).ok();
        if let Some(text) = read(NOTE) {
            return serde_json::from_slice(&text).ok();
        }
        /// The note in the form that older versions wrote.
        #[derive(Deserialize)]
        struct Checkpoint {
            stage: Stage,
            step: u64,
        }
        let Checkpoint { stage, step } = serde_json::from_slice(&read(CHECKPOINT)?).ok()?;
        Some(EvaluationNote {
            evaluated: Evaluated::Checkpoint { stage, step },
            data: String::new(),
            own_data: true,
        })
    }

    /// The sort key: the second, then the number within that second, then the split.
    fn order(&self) -> (&str, u32, &str) {
        let number = self.time.splitn(3, '-').nth(2).and_then(|number| number.parse().ok());
        let second = self.time.get(..SECOND).unwrap_or(&self.time);
        (second, number.unwrap_or(1), &self.split)
    }
}

/// The evaluations that `masp eval` kept in the session's folder, in order of time.
#[must_use]
pub fn later_evaluations(session: &Path) -> Vec<LaterEvaluation> {
    let Some(folder) = SessionFolder::at(session) else {
        return Vec::new();
    };
    let entries = fs::read_dir(folder.evaluations()).into_iter().flatten().flatten();
    let named = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut found: Vec<LaterEvaluation> = named
        .filter_map(|name| LaterEvaluation::at(session, &name))
        .filter(|found| found.file(METRICS).is_some_and(|path| path.is_file()) || found.predictions().is_some())
        .collect();
    found.sort_by(|a, b| a.order().cmp(&b.order()));
    found
}

/// The frozen model's figures on the session's data, where the session holds them: the newest of `val`, the split that runs
/// validate on, else the newest of any split. Figures that cannot be read count as missing.
#[must_use]
pub fn frozen_metrics(session: &Path) -> Option<Metrics> {
    let frozen: Vec<LaterEvaluation> = later_evaluations(session)
        .into_iter()
        .filter(LaterEvaluation::is_frozen)
        .collect();
    let of_val = frozen.iter().rfind(|kept| kept.split == "val");
    if let Some(metrics) = of_val.or(frozen.last()).and_then(LaterEvaluation::metrics) {
        return Some(metrics);
    }
    // Older versions kept a single file for all splits.
    let text = read_bounded(&SessionFolder::at(session)?.frozen(), LONGEST_LINE).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Keeps an evaluation that was made at `time` (seconds since the epoch) in a folder of its own, and returns that folder's
/// path. The journal, which a live run may be writing, is not touched.
///
/// # Errors
/// The session's folder cannot be written, or its `evaluations` folder is a link.
pub fn keep_evaluation(
    folder: &SessionFolder,
    note: &EvaluationNote,
    metrics: &Metrics,
    results: &[ImageResult],
    time: f64,
) -> Result<PathBuf, KeepError> {
    let evaluations = folder.evaluations();
    let failed = |source| KeepError {
        path: evaluations.clone(),
        source,
    };
    if evaluations.is_symlink() {
        return Err(failed(io::Error::other(
            "it is a symbolic link; put the folder itself there",
        )));
    }
    fs::create_dir_all(&evaluations).map_err(failed)?;
    remove_stale(&evaluations);
    let partial = tempfile::Builder::new()
        .prefix(".")
        .suffix(PARTIAL)
        .permissions(Permissions::from_mode(0o777))
        .tempdir_in(&evaluations)
        .map_err(failed)?;
    // The lock tells other processes that this folder is still being written; without locks its age must do.
    let held = File::open(partial.path()).map_err(failed)?;
    let _ = flock(&held, FlockOperation::NonBlockingLockExclusive);
    write_results(&partial.path().join(PREDICTIONS), results.iter()).map_err(failed)?;
    let json = |name: &str, text: serde_json::Result<Vec<u8>>| {
        let text = text.map_err(io::Error::other)?;
        write_bytes_atomically(&partial.path().join(name), &text)
    };
    json(NOTE, serde_json::to_vec_pretty(note)).map_err(failed)?;
    json(METRICS, serde_json::to_vec_pretty(metrics)).map_err(failed)?;
    let second = Utc::from_seconds(time).to_name();
    for number in 1_u32.. {
        let name = match number {
            1 => format!("{second}-{}", metrics.split),
            _ => format!("{second}-{number}-{}", metrics.split),
        };
        let kept = evaluations.join(name);
        // `rename` does not replace a folder that is not empty, and a kept evaluation never is.
        match fs::rename(partial.path(), &kept) {
            Ok(()) => {
                File::open(&evaluations).and_then(|f| f.sync_all()).map_err(failed)?;
                return Ok(kept);
            }
            Err(error) if kept.symlink_metadata().is_err() => return Err(failed(error)),
            Err(_) => {}
        }
    }
    Err(failed(io::ErrorKind::AlreadyExists.into()))
}

/// Removes what killed writers left. An error here is ignored, so that the new evaluation is kept all the same.
fn remove_stale(evaluations: &Path) {
    for entry in fs::read_dir(evaluations).into_iter().flatten().flatten() {
        let old = |metadata: fs::Metadata| metadata.modified().ok()?.elapsed().ok();
        let age = entry.metadata().ok().and_then(old);
        if !entry.file_name().to_string_lossy().ends_with(PARTIAL) || age.is_none_or(|age| age < STALE_AGE) {
            continue;
        }
        let path = entry.path();
        let held = File::open(&path).and_then(|file| {
            flock(&file, FlockOperation::NonBlockingLockExclusive)?;
            Ok(file)
        });
        if held.is_ok() {
            drop(fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path)));
        }
    }
}

#[cfg(test)]
#[path = "evaluations_tests.rs"]
mod tests;
