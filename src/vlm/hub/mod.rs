//! Finds a model by its hub id in the Hugging Face cache, or downloads it there.

mod download;
mod environment;
mod error;
mod needed_files;

use std::path::{Path, PathBuf};

pub use download::Download;
use environment::Hub;
pub use error::HubError;
use hf_hub::Repo;
use needed_files::missing_files;

use super::{LONGEST_CONFIG, foreign};
use crate::{bounded_file::read_text, inside::inside};

/// A model's folder. If `model` is a folder, that is it; otherwise `model` is a hub id (`org/name` or
/// `org/name@revision`). A complete copy in the cache is used without contacting the hub; otherwise the model is
/// downloaded. `progress` receives each file's progress.
///
/// # Errors
/// [`HubError`].
pub fn model_folder(model: &str, progress: &mut dyn FnMut(&Download<'_>)) -> Result<PathBuf, HubError> {
    let path = Path::new(model);
    if path.is_dir() {
        return Ok(path.to_owned());
    }
    if path.is_file() {
        return Err(HubError::NoFolderButFile {
            what: foreign::of_file(path),
            path: path.to_owned(),
        });
    }
    let (id, revision) = parse_id(model).ok_or_else(|| HubError::NoFolder(path.to_owned()))?;
    let hub = Hub::from_environment(|key| std::env::var(key).ok()).ok_or(HubError::NoCache)?;
    hub.model(id, revision, progress)
}

/// The folder of downloaded models; `None` if the environment gives none.
#[must_use]
pub fn cache_folder() -> Option<PathBuf> {
    Some(Hub::from_environment(|key| std::env::var(key).ok())?.cache)
}

/// Whether a text has the form of a hub id.
#[must_use]
pub fn is_hub_id(model: &str) -> bool {
    parse_id(model).is_some()
}

/// A model's folder if it is complete on disk; nothing is downloaded.
///
/// # Errors
/// The names of the missing files; empty if there is no folder at all.
pub fn cached(model: &str) -> Result<PathBuf, Vec<String>> {
    let path = Path::new(model);
    let found = || {
        let (id, revision) = parse_id(model)?;
        Hub::from_environment(|key| std::env::var(key).ok())?.cached(id, revision)
    };
    let folder = if path.is_dir() { Some(path.to_owned()) } else { found() };
    let folder = folder.ok_or_else(Vec::new)?;
    let missing = missing_files(&folder);
    if missing.is_empty() { Ok(folder) } else { Err(missing) }
}

/// Parses `org/name` with an optional `@revision`; `None` if the text looks like a path.
fn parse_id(model: &str) -> Option<(&str, &str)> {
    let (id, revision) = model.split_once('@').unwrap_or((model, "main"));
    let (owner, name) = id.split_once('/')?;
    let plain = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphanumeric())
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    (plain(owner) && plain(name) && revision.split('/').all(plain)).then_some((id, revision))
}

impl Hub {
    fn model(&self, id: &str, revision: &str, progress: &mut dyn FnMut(&Download<'_>)) -> Result<PathBuf, HubError> {
        let missing = match self.cached(id, revision) {
            Some(folder) => {
                let missing = missing_files(&folder);
                if missing.is_empty() {
                    return Ok(folder);
                }
                missing
            }
            None => vec!["everything".to_owned()],
        };
        if self.offline {
            return Err(HubError::Offline {
                id: id.to_owned(),
                cache: self.cache.clone(),
                missing,
            });
        }
        self.download(id, revision, progress)
    }

    /// The folder of the revision's last known commit.
    fn cached(&self, id: &str, revision: &str) -> Option<PathBuf> {
        let repo = self.cache.join(Repo::model(id.to_owned()).folder_name());
        let commit = read_text(&repo.join("refs").join(revision), LONGEST_CONFIG);
        let commit = commit.map_or_else(|_| revision.to_owned(), |commit| commit.trim().to_owned());
        let folder = inside(&repo.join("snapshots"), Path::new(&commit))?;
        folder.is_dir().then_some(folder)
    }
}

#[cfg(test)]
mod tests;
