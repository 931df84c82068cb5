//! Which checkpoint files a session has, which of them `@last`, `@best` and `@STEP` name, and which may go.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs, io,
    path::{Path, PathBuf},
};

use super::{
    event::{Event, Stage},
    folder::SessionFolder,
    journal::{JournalError, each_record},
};
use crate::printable::printable_path;

const ENDING: &str = ".safetensors";

/// Why a checkpoint cannot be found or removed.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointsError {
    #[error(
        "the session at {} has no checkpoint {wanted}; it has {there_are}",
        printable_path(session)
    )]
    NotFound {
        session: PathBuf,
        wanted: String,
        there_are: String,
    },
    #[error("the checkpoint {} is not on disk, so no older one was removed", printable_path(.0))]
    NotSafe(PathBuf),
    #[error("cannot {action} {}: {source}", printable_path(path))]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// What follows the `@` of a session argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Selector {
    /// The newest.
    #[default]
    Last,
    /// The best by the validation figure, as the journal says.
    Best,
    /// The one of this optimiser step.
    Step(u64),
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Last => f.write_str("@last"),
            Self::Best => f.write_str("@best"),
            Self::Step(step) => write!(f, "@{step}"),
        }
    }
}

/// The name of a checkpoint's file: `prompt-000400.safetensors`.
#[must_use]
pub fn checkpoint_name(stage: Stage, step: u64) -> String {
    format!("{}-{step:06}{ENDING}", stage.name())
}

/// How many checkpoints of a stage stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// How many of the newest stay; at least one always does.
    pub last: usize,
    /// How many of those that were the best when they were saved stay, the latest steps first.
    pub best: usize,
}

/// A checkpoint on disk. The order is that of training: stage, then step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CheckpointFile {
    pub stage: Stage,
    pub step: u64,
    pub path: PathBuf,
}

/// The checkpoints of a session.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    session: PathBuf,
    folder: PathBuf,
    /// On disk, and not dropped by a resume from an earlier step.
    files: BTreeMap<(Stage, u64), PathBuf>,
    best: BTreeSet<(Stage, u64)>,
    /// Named in the journal, and not dropped by a resume.
    told: BTreeSet<(Stage, u64)>,
    /// On disk, but dropped by a resume from an earlier step.
    forgotten: Vec<PathBuf>,
    /// Entries with a checkpoint's name that are not regular files: a pipe, a folder.
    not_files: Vec<PathBuf>,
}

impl Checkpoints {
    /// Lists the folder and asks the journal (which may not exist yet) which ones were best.
    ///
    /// # Errors
    /// A folder or a journal that cannot be read.
    pub fn read(session: &SessionFolder) -> Result<Self, CheckpointsError> {
        let mut checkpoints = Self {
            session: session.path().to_owned(),
            folder: session.checkpoints(),
            files: BTreeMap::new(),
            best: BTreeSet::new(),
            told: BTreeSet::new(),
            forgotten: Vec::new(),
            not_files: Vec::new(),
        };
        if session.journal().is_file() {
            each_record(&session.journal(), |record| checkpoints.apply(&record.event))?;
        }
        // The journal also names checkpoints that were pruned later. The folder may hold a checkpoint that the journal
        // does not name: its writer died between the rename and the event. Such a file is complete.
        let on_disk = checkpoints.list()?;
        checkpoints.files.retain(|key, _| on_disk.contains_key(key));
        checkpoints.best.retain(|key| on_disk.contains_key(key));
        checkpoints
            .forgotten
            .retain(|path| on_disk.values().any(|there| there == path));
        for (key, path) in on_disk {
            if !checkpoints.forgotten.contains(&path) {
                checkpoints.files.insert(key, path);
            }
        }
        Ok(checkpoints)
    }

    /// Follows the journal: a checkpoint was saved, or the run went on from an earlier step.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Checkpoint(saved) => {
                let key = (saved.stage, saved.step);
                let path = self.folder.join(checkpoint_name(saved.stage, saved.step));
                self.forgotten.retain(|other| *other != path);
                self.files.insert(key, path);
                self.told.insert(key);
                if saved.best {
                    self.best.insert(key);
                } else {
                    self.best.remove(&key);
                }
            }
            Event::Resumed(resumed) => {
                let from = (resumed.stage, resumed.from_step);
                let later: Vec<_> = self.files.keys().copied().filter(|key| *key > from).collect();
                self.forgotten
                    .extend(later.iter().filter_map(|key| self.files.remove(key)));
                self.best.retain(|key| *key <= from);
                self.told.retain(|key| *key <= from);
            }
            _ => {}
        }
    }

    /// Whether the journal names a checkpoint. It does not where the writer died right after the file's rename.
    #[must_use]
    pub fn is_recorded(&self, stage: Stage, step: u64) -> bool {
        self.told.contains(&(stage, step))
    }

    /// Whether a checkpoint was the best when it was saved.
    #[must_use]
    pub fn is_best(&self, stage: Stage, step: u64) -> bool {
        self.best.contains(&(stage, step))
    }

    /// All of them, in the order of training.
    #[must_use]
    pub fn files(&self) -> impl DoubleEndedIterator<Item = CheckpointFile> + '_ {
        let file = |(&(stage, step), path): (&(Stage, u64), &PathBuf)| CheckpointFile {
            stage,
            step,
            path: path.clone(),
        };
        self.files.iter().map(file)
    }

    /// The checkpoint that a selector names, of one stage or, without, of the latest stage that has it.
    ///
    /// # Errors
    /// There is no such checkpoint; the error lists those that exist.
    pub fn find(&self, selector: Selector, stage: Option<Stage>) -> Result<CheckpointFile, CheckpointsError> {
        self.files()
            .rev()
            .filter(|file| stage.is_none_or(|stage| file.stage == stage))
            .find(|file| match selector {
                Selector::Last => true,
                Selector::Best => self.best.contains(&(file.stage, file.step)),
                Selector::Step(step) => file.step == step,
            })
            .ok_or_else(|| self.not_found(selector, stage))
    }

    /// Removes a stage's checkpoints that `keep` does not cover and those that a resume dropped, once the checkpoint
    /// of `saved_step` is on disk. Returns the removed files. Other stages are left alone.
    ///
    /// # Errors
    /// The saved checkpoint is not there; a file that cannot be removed.
    pub fn prune(
        &mut self,
        session: &SessionFolder,
        (stage, saved_step): (Stage, u64),
        keep: Keep,
    ) -> Result<Vec<PathBuf>, CheckpointsError> {
        let saved = self.folder.join(checkpoint_name(stage, saved_step));
        if !session.is_file(&saved) {
            return Err(CheckpointsError::NotSafe(saved));
        }
        self.files.insert((stage, saved_step), saved);
        let of_stage = |key: &&(Stage, u64)| key.0 == stage;
        let last = self.files.keys().rev().filter(of_stage).take(keep.last.max(1));
        let best = self.best.iter().rev().filter(of_stage).take(keep.best);
        let mut stay: BTreeSet<_> = last.chain(best).copied().collect();
        stay.insert((stage, saved_step));
        let go: Vec<_> = self.files.keys().filter(of_stage).copied().collect();
        let mut removed = Vec::new();
        for key in go.into_iter().filter(|key| !stay.contains(key)) {
            if let Some(path) = self.files.remove(&key) {
                self.best.remove(&key);
                remove(session, &path)?;
                removed.push(path);
            }
        }
        let (go, stay): (Vec<_>, Vec<_>) = std::mem::take(&mut self.forgotten)
            .into_iter()
            .partition(|path| parse_name(path).is_some_and(|(of, _)| of == stage));
        self.forgotten = stay;
        for path in go {
            remove(session, &path)?;
            removed.push(path);
        }
        Ok(removed)
    }

    /// Entries of the folder that have a checkpoint's name but are not regular files; they are skipped.
    pub fn not_files(&self) -> impl Iterator<Item = &Path> {
        self.not_files.iter().map(PathBuf::as_path)
    }

    fn list(&mut self) -> Result<BTreeMap<(Stage, u64), PathBuf>, CheckpointsError> {
        let folder = self.folder.clone();
        let read = |source| CheckpointsError::Io {
            action: "read the folder",
            path: folder.clone(),
            source,
        };
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(read(error)),
        };
        let mut files = BTreeMap::new();
        for entry in entries {
            let path = entry.map_err(read)?.path();
            match parse_name(&path) {
                Some(key) if path.is_file() => drop(files.insert(key, path)),
                Some(_) => self.not_files.push(path),
                None => {}
            }
        }
        Ok(files)
    }

    fn not_found(&self, selector: Selector, stage: Option<Stage>) -> CheckpointsError {
        let names: Vec<String> = self.files().map(|file| file.to_string()).collect();
        let of = stage
            .map(|stage| format!(" of stage {}", stage.name()))
            .unwrap_or_default();
        CheckpointsError::NotFound {
            session: self.session.clone(),
            wanted: format!("{selector}{of}"),
            there_are: if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            },
        }
    }
}

impl fmt::Display for CheckpointFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.stage.name(), self.step)
    }
}

fn parse_name(path: &Path) -> Option<(Stage, u64)> {
    let name = path.file_name()?.to_str()?;
    let (stage, step) = name.strip_suffix(ENDING)?.split_once('-')?;
    let stage = [Stage::Aspects, Stage::Prompt]
        .into_iter()
        .find(|s| s.name() == stage)?;
    let step = step.parse().ok()?;
    (checkpoint_name(stage, step) == name).then_some((stage, step))
}

fn remove(session: &SessionFolder, path: &Path) -> Result<(), CheckpointsError> {
    match session.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(CheckpointsError::Io {
            action: "remove",
            path: path.to_owned(),
            source: error,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "checkpoints_tests.rs"]
mod tests;
