//! A model by its hub id: found in the Hugging Face cache or downloaded into it.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
};

use hf_hub::{
    Cache, Repo, RepoType,
    api::sync::{ApiBuilder, ApiError, ApiRepo},
};

use super::weights::{WeightsError, shard_of_weight};

const ENDPOINT: &str = "https://huggingface.co";
const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
/// What a model folder must have beside its weights.
const NEEDED: [&str; 3] = ["config.json", "tokenizer.json", "preprocessor_config.json"];
/// What it may have.
const USEFUL: [&str; 1] = ["generation_config.json"];

/// How far a download is; told often, so that whoever listens should be quick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download<'a> {
    pub file: &'a str,
    /// This file's place among all that are needed, from 1.
    pub number: usize,
    pub files: usize,
    pub bytes_done: u64,
    pub bytes_total: u64,
}

/// A model that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    #[error("there is no model folder {}; give a folder in Hugging Face layout, or a hub id like Qwen/Qwen2-VL-2B-Instruct", .0.display())]
    NoFolder(PathBuf),
    #[error(
        "the model {id} is not complete in the cache {} ({} missing), and HF_HUB_OFFLINE forbids a download; unset it, \
         or copy the model's folder here and give its path",
        cache.display(), missing.join(", ")
    )]
    Offline {
        id: String,
        cache: PathBuf,
        missing: Vec<String>,
    },
    #[error(
        "no folder for the Hugging Face cache is known; set HF_HOME to one, or give a model folder"
    )]
    NoCache,
    #[error(
        "the hub refused the model {id} (HTTP status {status}); if it is private or gated, accept its terms on \
         {endpoint}/{id} and set HF_TOKEN; if you meant a folder, there is none of this name"
    )]
    Refused {
        id: String,
        endpoint: String,
        status: u16,
    },
    #[error(
        "the hub has no model {id} (HTTP status 404); check the spelling; if you meant a folder, there is none of this name"
    )]
    Unknown { id: String },
    #[error("the model {id} on the hub lacks {}; it is no Qwen2-VL model in safetensors form", missing.join(", "))]
    Incomplete { id: String, missing: Vec<String> },
    #[error(
        "the model {id} could not be downloaded from {endpoint} into {}: {reason}. Try again (what is there is kept); \
         without a network, copy the model's folder here and give its path; if you meant a folder, there is none of \
         this name",
        cache.display()
    )]
    Download {
        id: String,
        endpoint: String,
        cache: PathBuf,
        reason: String,
    },
    #[error("cannot write to the Hugging Face cache {}: {source}; set HF_HOME to a folder you may write to", cache.display())]
    Cache { cache: PathBuf, source: io::Error },
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

/// Where the hub is and where its files are kept, as people set it through the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hub {
    /// The cache's folder.
    pub cache: PathBuf,
    pub endpoint: String,
    pub token: Option<String>,
    pub offline: bool,
}

/// A model's folder: `model` itself where it is one, else the hub id's (`org/name` or `org/name@revision`), from the
/// cache where it is complete there (without a question to the hub), else downloaded. `progress` hears of each file.
///
/// # Errors
/// [`HubError`].
pub fn model_folder(
    model: &str,
    progress: &mut dyn FnMut(&Download<'_>),
) -> Result<PathBuf, HubError> {
    let path = Path::new(model);
    if path.is_dir() {
        return Ok(path.to_owned());
    }
    let (id, revision) = parse_id(model).ok_or_else(|| HubError::NoFolder(path.to_owned()))?;
    let hub = Hub::from_environment(|key| std::env::var(key).ok()).ok_or(HubError::NoCache)?;
    hub.model(id, revision, progress)
}

/// A bar on standard error for [`model_folder`] (nothing is drawn where that is no terminal).
pub fn progress_bar() -> impl FnMut(&Download<'_>) {
    let bar = indicatif::ProgressBar::no_length();
    if let Ok(style) = indicatif::ProgressStyle::with_template(
        "{msg} [{wide_bar}] {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} ({eta})",
    ) {
        bar.set_style(style);
    }
    let mut shown = 0;
    move |download| {
        if shown != download.number {
            shown = download.number;
            bar.reset();
            bar.set_message(format!(
                "{} ({}/{})",
                download.file.escape_debug(),
                download.number,
                download.files
            ));
        }
        bar.set_length(download.bytes_total);
        bar.set_position(download.bytes_done);
        if download.number == download.files && download.bytes_done >= download.bytes_total {
            bar.finish_and_clear();
        }
    }
}

/// `org/name` with an optional `@revision`; nothing where the text looks like a path.
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
    /// Reads HF_HOME, HF_HUB_CACHE, HF_TOKEN, HF_TOKEN_PATH, HF_ENDPOINT, HF_HUB_OFFLINE (and TRANSFORMERS_OFFLINE)
    /// as Python's huggingface_hub does; nothing where no folder for the cache is known.
    fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let set = |key: &str| {
            variable(key)
                .map(|text| text.trim().to_owned())
                .filter(|text| !text.is_empty())
        };
        let home = set("HF_HOME").map(PathBuf::from).or_else(|| {
            let cache = set("XDG_CACHE_HOME").map(PathBuf::from);
            let cache = cache.or_else(|| Some(Path::new(&set("HOME")?).join(".cache")))?;
            Some(cache.join("huggingface"))
        });
        let cache = set("HF_HUB_CACHE")
            .map(PathBuf::from)
            .or_else(|| Some(home.as_ref()?.join("hub")))?;
        let token_file = set("HF_TOKEN_PATH")
            .map(PathBuf::from)
            .or_else(|| home.as_ref().map(|home| home.join("token")));
        let saved_token = || {
            let text = std::fs::read_to_string(token_file?).ok()?;
            Some(text.trim().to_owned()).filter(|token| !token.is_empty())
        };
        let offline = set("HF_HUB_OFFLINE")
            .or_else(|| set("TRANSFORMERS_OFFLINE"))
            .unwrap_or_default();
        Some(Self {
            // hf-hub makes relative links between absolute paths.
            cache: std::path::absolute(&cache).unwrap_or(cache),
            endpoint: set("HF_ENDPOINT")
                .unwrap_or_else(|| ENDPOINT.to_owned())
                .trim_end_matches('/')
                .to_owned(),
            token: set("HF_TOKEN").or_else(saved_token),
            offline: matches!(
                offline.to_ascii_uppercase().as_str(),
                "1" | "ON" | "YES" | "TRUE"
            ),
        })
    }

    fn model(
        &self,
        id: &str,
        revision: &str,
        progress: &mut dyn FnMut(&Download<'_>),
    ) -> Result<PathBuf, HubError> {
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
        let commit = std::fs::read_to_string(repo.join("refs").join(revision));
        let commit = commit.map_or_else(|_| revision.to_owned(), |commit| commit.trim().to_owned());
        let folder = repo.join("snapshots").join(commit);
        folder.is_dir().then_some(folder)
    }

    fn download(
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
        let repo = |revision: &str| {
            Repo::with_revision(id.to_owned(), RepoType::Model, revision.to_owned())
        };
        let info = api
            .repo(repo(revision))
            .info()
            .map_err(|error| self.explain(id, error))?;
        if info.sha.is_empty() || !info.sha.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(self.failed(
                id.to_owned(),
                format!("the hub gave {:?} as the commit", info.sha),
            ));
        }
        let listed: BTreeSet<&str> = info
            .siblings
            .iter()
            .map(|file| file.rfilename.as_str())
            .collect();
        // All files are of this commit, whatever is pushed meanwhile.
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
            if file == INDEX {
                let shards: BTreeSet<String> = shard_of_weight(&folder.join(INDEX))?
                    .into_values()
                    .collect();
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

    fn fetch(
        &self,
        id: &str,
        remote: &ApiRepo,
        file: &str,
        listener: Listener<'_>,
    ) -> Result<(), HubError> {
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
    use io::ErrorKind::{
        AlreadyExists, NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem, StorageFull,
    };
    matches!(
        error.kind(),
        AlreadyExists
            | NotADirectory
            | NotFound
            | PermissionDenied
            | ReadOnlyFilesystem
            | StorageFull
    )
}

/// What of the hub's list is needed; shards follow when the index is there.
fn wanted_files(id: &str, listed: &BTreeSet<&str>) -> Result<Vec<String>, HubError> {
    let weights = if listed.contains(SINGLE) {
        SINGLE
    } else {
        INDEX
    };
    let needed = NEEDED.into_iter().chain([weights]);
    let missing: Vec<String> = needed
        .clone()
        .filter(|file| !listed.contains(file))
        .map(str::to_owned)
        .collect();
    if !missing.is_empty() {
        return Err(HubError::Incomplete {
            id: id.to_owned(),
            missing,
        });
    }
    let useful = USEFUL.into_iter().filter(|file| listed.contains(file));
    Ok(useful.chain(needed).map(str::to_owned).collect())
}

/// What a folder lacks to be a model.
fn missing_files(folder: &Path) -> Vec<String> {
    let mut needed: Vec<String> = NEEDED.map(str::to_owned).to_vec();
    if !folder.join(SINGLE).exists() {
        match shard_of_weight(&folder.join(INDEX)) {
            Ok(shards) => needed.extend(shards.into_values().collect::<BTreeSet<String>>()),
            Err(_) => needed.push(SINGLE.to_owned()),
        }
    }
    needed.retain(|file| !folder.join(file).exists());
    needed
}

/// Passes hf-hub's steps on as totals.
struct Listener<'a> {
    progress: &'a mut dyn FnMut(&Download<'_>),
    file: &'a str,
    number: usize,
    files: usize,
    done: u64,
    total: u64,
}

impl hf_hub::api::Progress for Listener<'_> {
    /// Also called when a download goes on after a fault.
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

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, error::Error, fs, path::Path};

    use super::{Hub, HubError, missing_files, model_folder, parse_id, wanted_files};

    type Outcome = Result<(), Box<dyn Error>>;

    fn hub(variables: &[(&str, &str)]) -> Option<Hub> {
        let variables: HashMap<&str, &str> = variables.iter().copied().collect();
        Hub::from_environment(|key| variables.get(key).map(|&value| value.to_owned()))
    }

    #[test]
    fn ids_and_paths_are_told_apart() {
        assert_eq!(
            parse_id("Qwen/Qwen2-VL-2B-Instruct"),
            Some(("Qwen/Qwen2-VL-2B-Instruct", "main"))
        );
        assert_eq!(parse_id("a/b@refs/pr/3"), Some(("a/b", "refs/pr/3")));
        for path in [
            "model", "./a/b", "/a/b", "a/b/c", "../a", "~/a", "a/", "a/b@", "a/../b", "a/b@../c",
            "a b/c",
        ] {
            assert_eq!(parse_id(path), None, "{path}");
        }
        let fault = model_folder("./no such model", &mut |_| ())
            .err()
            .map(|fault| fault.to_string());
        assert!(
            fault
                .is_some_and(|fault| fault.contains("./no such model") && fault.contains("hub id"))
        );
    }

    #[test]
    fn the_environment_is_read_as_people_know_it() -> Outcome {
        assert_eq!(hub(&[]), None);
        let home = tempfile::tempdir()?;
        let home_text = home.path().to_str().ok_or("a path that is no text")?;
        let plain = hub(&[("HOME", home_text)]).ok_or("no cache")?;
        assert_eq!(plain.cache, home.path().join(".cache/huggingface/hub"));
        assert_eq!(
            (plain.token, plain.offline, plain.endpoint.as_str()),
            (None, false, "https://huggingface.co")
        );

        fs::write(home.path().join("token"), "saved\n")?;
        let set = hub(&[
            ("HF_HOME", home_text),
            ("HOME", "/x"),
            ("HF_HUB_OFFLINE", "true"),
            ("HF_ENDPOINT", "http://m/"),
        ]);
        let set = set.ok_or("no cache")?;
        assert_eq!(set.cache, home.path().join("hub"));
        assert_eq!(
            (set.token.as_deref(), set.offline, set.endpoint.as_str()),
            (Some("saved"), true, "http://m")
        );
        let set = hub(&[
            ("HF_HOME", home_text),
            ("HF_HUB_CACHE", "/c"),
            ("HF_TOKEN", "t"),
            ("HF_HUB_OFFLINE", "0"),
        ]);
        let set = set.ok_or("no cache")?;
        assert_eq!(
            (set.cache.as_path(), set.token.as_deref(), set.offline),
            (Path::new("/c"), Some("t"), false)
        );
        Ok(())
    }

    #[test]
    fn a_complete_cache_serves_without_a_network_and_an_incomplete_one_says_what_it_lacks()
    -> Outcome {
        let home = tempfile::tempdir()?;
        let hub = Hub {
            cache: home.path().to_owned(),
            endpoint: "http://127.0.0.1:1".to_owned(),
            token: None,
            offline: true,
        };
        let resolve = |hub: &Hub, id: &str| hub.model(id, "main", &mut |_| ());
        assert!(
            resolve(&hub, "a/b").is_err_and(|fault| fault.to_string().contains("HF_HUB_OFFLINE"))
        );

        let repo = home.path().join("models--a--b");
        let folder = repo.join("snapshots/0123");
        fs::create_dir_all(&folder)?;
        fs::create_dir_all(repo.join("refs"))?;
        fs::write(repo.join("refs/main"), "0123")?;
        for file in ["config.json", "tokenizer.json", "preprocessor_config.json"] {
            fs::write(folder.join(file), "{}")?;
        }
        assert_eq!(missing_files(&folder), ["model.safetensors"]);
        let index = r#"{"weight_map": {"x": "s-1.safetensors", "y": "s-2.safetensors"}}"#;
        fs::write(folder.join("model.safetensors.index.json"), index)?;
        fs::write(folder.join("s-1.safetensors"), "")?;
        match resolve(&hub, "a/b") {
            Err(HubError::Offline { missing, .. }) => assert_eq!(missing, ["s-2.safetensors"]),
            other => return Err(format!("{other:?}").into()),
        }
        fs::write(folder.join("s-2.safetensors"), "")?;
        assert_eq!(resolve(&hub, "a/b")?, folder);

        // Nothing listens there: the message says what to do, and nothing is left behind.
        let online = Hub {
            offline: false,
            ..hub
        };
        let fault = resolve(&online, "c/d").err().ok_or("it was downloaded")?;
        assert!(matches!(fault, HubError::Download { .. }), "{fault}");
        let text = fault.to_string();
        assert!(
            text.contains("c/d") && text.contains("127.0.0.1") && text.contains("give its path"),
            "{text}"
        );
        assert!(!home.path().join("models--c--d").exists());
        assert_eq!(resolve(&online, "a/b")?, folder);
        Ok(())
    }

    #[test]
    fn only_what_a_model_folder_needs_is_wanted() -> Outcome {
        let common = [
            "README.md",
            "config.json",
            "tokenizer.json",
            "preprocessor_config.json",
            "merges.txt",
        ];
        let listed = common
            .into_iter()
            .chain(["generation_config.json", "model.safetensors.index.json"])
            .collect();
        let wanted = wanted_files("a/b", &listed)?;
        assert_eq!(
            wanted,
            [
                "generation_config.json",
                "config.json",
                "tokenizer.json",
                "preprocessor_config.json",
                "model.safetensors.index.json"
            ]
        );
        let fault = wanted_files("a/b", &["config.json", "pytorch_model.bin"].into())
            .err()
            .ok_or("it was accepted")?;
        let text = fault.to_string();
        assert!(
            text.contains("tokenizer.json") && text.contains("model.safetensors.index.json"),
            "{text}"
        );
        Ok(())
    }
}
