//! Downloads a model's files from the hub into the cache.

use std::{collections::BTreeSet, io, path::PathBuf};

use hf_hub::{
    Cache, Repo, RepoType,
    api::sync::{ApiBuilder, ApiError, ApiRepo},
};

use super::{
    HubError,
    environment::Hub,
    needed_files::{NEEDED, SINGLE},
};
use crate::vlm::foreign;
use crate::vlm::weights::files::{Choice, choose, shards};

/// Optional files of a model folder, in addition to [`NEEDED`].
const USEFUL: [&str; 3] = [
    "generation_config.json",
    "preprocessor_config.json",
    "processor_config.json",
];

/// A download's progress. It is reported often, so the listener must be quick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download<'a> {
    pub file: &'a str,
    /// This file's number among all files to download, from 1.
    pub number: usize,
    pub files: usize,
    pub bytes_done: u64,
    pub bytes_total: u64,
}

impl Hub {
    /// Downloads the missing files; all are of one commit.
    pub fn download(
        &self,
        id: &str,
        revision: &str,
        progress: &mut dyn FnMut(&Download<'_>),
    ) -> Result<PathBuf, HubError> {
        let cache = Cache::new(self.cache.clone());
        let api = ApiBuilder::from_cache(cache.clone())
            .with_endpoint(self.endpoint.clone())
            .with_token(self.token.clone())
            .with_user_agent("masp", env!("CARGO_PKG_VERSION"))
            .with_retries(3)
            .build()
            .map_err(|error| self.explain(id, error))?;
        let repo = |revision: &str| Repo::with_revision(id.to_owned(), RepoType::Model, revision.to_owned());
        let info = api
            .repo(repo(revision))
            .info()
            .map_err(|error| self.explain(id, error))?;
        if info.sha.is_empty() || !info.sha.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(self.failed(id.to_owned(), format!("the hub gave {:?} as the commit", info.sha)));
        }
        let listed: BTreeSet<&str> = info.siblings.iter().map(|file| file.rfilename.as_str()).collect();
        // Pin this commit, in case another one is pushed meanwhile.
        let remote = api.repo(repo(&info.sha));
        let folder = self
            .cache
            .join(repo(revision).folder_name())
            .join("snapshots")
            .join(&info.sha);

        let mut files: Vec<String> = wanted_files(id, &listed)?;
        let mut number = 0;
        while let Some(file) = files.get(number).cloned() {
            number += 1;
            if !folder.join(&file).exists() {
                let listener = Listener {
                    progress,
                    file: &file,
                    number,
                    files: files.len(),
                    done: 0,
                    total: 0,
                };
                self.fetch(id, &remote, &file, listener)?;
            }
            if file.ends_with(".index.json") {
                let shards = shards(&folder.join(&file))?;
                let missing: Vec<String> = shards
                    .iter()
                    .filter(|shard| !listed.contains(shard.as_str()))
                    .cloned()
                    .collect();
                if !missing.is_empty() {
                    return Err(HubError::Incomplete {
                        id: id.to_owned(),
                        missing,
                    });
                }
                files.extend(shards);
            }
        }
        cache
            .repo(repo(revision))
            .create_ref(&info.sha)
            .map_err(|source| HubError::Cache {
                cache: self.cache.clone(),
                source,
            })?;
        Ok(folder)
    }

    fn fetch(&self, id: &str, remote: &ApiRepo, file: &str, listener: Listener<'_>) -> Result<(), HubError> {
        remote
            .download_with_progress(file, listener)
            .map(drop)
            .map_err(|error| self.explain(id, error))
    }

    fn explain(&self, id: &str, error: ApiError) -> HubError {
        let id = id.to_owned();
        match error {
            ApiError::IoError(source) if is_of_disk(&source) => HubError::Cache {
                cache: self.cache.clone(),
                source,
            },
            ApiError::RequestError(error) => {
                let reason = error.to_string().escape_debug().to_string();
                match error.into_response().map(|response| response.status()) {
                    Some(404) => HubError::Unknown { id },
                    Some(status @ (401 | 403)) => HubError::Refused {
                        id,
                        endpoint: self.endpoint.clone(),
                        status,
                    },
                    _ => self.failed(id, reason),
                }
            }
            other => self.failed(id, other.to_string().escape_debug().to_string()),
        }
    }

    fn failed(&self, id: String, reason: String) -> HubError {
        HubError::Download {
            id,
            endpoint: self.endpoint.clone(),
            cache: self.cache.clone(),
            reason,
        }
    }
}

/// hf-hub reports a broken connection and a full disk as the same kind of error.
fn is_of_disk(error: &io::Error) -> bool {
    use io::ErrorKind::{AlreadyExists, NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem, StorageFull};
    matches!(
        error.kind(),
        AlreadyExists | NotADirectory | NotFound | PermissionDenied | ReadOnlyFilesystem | StorageFull
    )
}

/// The files to download among those that the hub lists. Shards are found later, from the downloaded index.
pub fn wanted_files(id: &str, listed: &BTreeSet<&str>) -> Result<Vec<String>, HubError> {
    let (weights, lacking) = match choose(listed.iter().copied()) {
        Choice::Files(files) => (files, Vec::new()),
        Choice::Index(index) => (vec![index], Vec::new()),
        Choice::Incomplete(missing) => (Vec::new(), missing),
        Choice::Nothing => match foreign::of_names(listed.iter().copied()) {
            Some(what) => {
                return Err(HubError::Foreign {
                    id: id.to_owned(),
                    what,
                });
            }
            None => (Vec::new(), vec![SINGLE.to_owned()]),
        },
    };
    let missing: Vec<String> = NEEDED
        .into_iter()
        .filter(|file| !listed.contains(file))
        .map(str::to_owned)
        .chain(lacking)
        .collect();
    if !missing.is_empty() {
        return Err(HubError::Incomplete {
            id: id.to_owned(),
            missing,
        });
    }
    let small = USEFUL.into_iter().filter(|file| listed.contains(file)).chain(NEEDED);
    Ok(small.map(str::to_owned).chain(weights).collect())
}

/// Converts hf-hub's increments into totals.
struct Listener<'a> {
    progress: &'a mut dyn FnMut(&Download<'_>),
    file: &'a str,
    number: usize,
    files: usize,
    done: u64,
    total: u64,
}

impl hf_hub::api::Progress for Listener<'_> {
    /// Also called when a download resumes after an error.
    fn init(&mut self, size: usize, _filename: &str) {
        self.done = 0;
        self.total = size as u64;
        self.tell();
    }

    fn update(&mut self, size: usize) {
        self.done += size as u64;
        self.tell();
    }

    fn finish(&mut self) {
        self.done = self.total;
        self.tell();
    }
}

impl Listener<'_> {
    fn tell(&mut self) {
        (self.progress)(&Download {
            file: self.file,
            number: self.number,
            files: self.files,
            bytes_done: self.done,
            bytes_total: self.total,
        });
    }
}
