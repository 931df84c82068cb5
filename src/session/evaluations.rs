//! What `masp eval SESSION` leaves in the session: a folder for each evaluation, there whole or not at all, with a note that
//! says what was evaluated on what.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::{ImageResult, Metrics, SessionFolder, Stage, Utc, journal::LONGEST_LINE, write_results};
use crate::atomic_file::{PARTIAL, write_bytes_atomically};
use crate::bounded_file::read_bounded;
use crate::inside::inside_links_too;
use crate::printable::printable_path;

const NOTE: &str = "evaluation.json";
const METRICS: &str = "metrics.json";
const PREDICTIONS: &str = "predictions.jsonl";
/// What versions of before wrote in the note's place; it names a checkpoint alone.
const CHECKPOINT: &str = "checkpoint.json";
/// The length of `20261122-130924`.
const SECOND: usize = 15;
/// What a writer that was killed left is removed when it is so old; a living one holds its lock.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// Whose answers an evaluation holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Evaluated {
    /// One of the session's checkpoints.
    Checkpoint { stage: Stage, step: u64 },
    /// The model as it is, without aspects and prompt.
    Frozen,
    /// Parameters of other files; what is not named is the session's.
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
    /// The dataset's root; empty where a version of before did not say.
    #[serde(default)]
    pub data: String,
    /// Whether that is the dataset that the session was trained on.
    pub own_data: bool,
}

/// An evaluation that no run made.
#[derive(Debug, Clone, PartialEq)]
pub struct LaterEvaluation {
    /// Its folder's name: `20261122-130924-test`; of two in one second the later one is `20261122-130924-2-test`.
    pub name: String,
    /// The name without the split.
    pub time: String,
    pub split: String,
    /// Nothing where a version of before wrote none.
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
    /// Whether it is of the session's own parameters on its own data; where nothing else is known, it is.
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

    /// Its figures; what cannot be read counts as not there.
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
        /// As versions of before wrote it.
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

    /// By the second, and among those of one second by their number.
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

/// The frozen model's figures on the session's data, where the session holds them: of the split that runs validate on, else
/// the newest. What cannot be read counts as not there.
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
    // Versions of before kept one file, whatever the split.
    let text = read_bounded(&SessionFolder::at(session)?.frozen(), LONGEST_LINE).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Keeps an evaluation that was made at `time` (seconds since the epoch) in a folder of its own, which it gives; a live
/// journal is not touched.
///
/// # Errors
/// Where the session's folder cannot be written, or what should be its own folder is a link.
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
            "it is a link, and a session's folders lie in it",
        )));
    }
    fs::create_dir_all(&evaluations).map_err(failed)?;
    remove_forgotten(&evaluations);
    let partial = tempfile::Builder::new()
        .prefix(".")
        .suffix(PARTIAL)
        .permissions(Permissions::from_mode(0o777))
        .tempdir_in(&evaluations)
        .map_err(failed)?;
    // Says to others that somebody still writes here; where there are no locks, its age says it.
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
        // A folder takes no other's place that holds something, and this one does.
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

/// What writers that were killed left; that it cannot be removed is no reason to keep less.
fn remove_forgotten(evaluations: &Path) {
    for entry in fs::read_dir(evaluations).into_iter().flatten().flatten() {
        let old = |metadata: fs::Metadata| metadata.modified().ok()?.elapsed().ok();
        let age = entry.metadata().ok().and_then(old);
        if !entry.file_name().to_string_lossy().ends_with(PARTIAL) || age.is_none_or(|age| age < FORGOTTEN) {
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
