//! Why a model cannot be fetched from the hub.

use std::{io, path::PathBuf};

use crate::vlm::weights::WeightsError;

/// A model that cannot be found or downloaded.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    #[error("there is no model folder {}; give a folder in Hugging Face layout, or a hub id like Qwen/Qwen2-VL-2B-Instruct", .0.display())]
    NoFolder(PathBuf),
    #[error("{} is a file: {what}", path.display())]
    NoFolderButFile { path: PathBuf, what: String },
    #[error("the model {id} on the hub cannot be run: {what}")]
    Foreign { id: String, what: String },
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
    #[error("no folder for the Hugging Face cache is known; set HF_HOME to one, or give a model folder")]
    NoCache,
    #[error(
        "the hub refused the model {id} (HTTP status {status}); if it is private or gated, accept its terms on \
         {endpoint}/{id} and set HF_TOKEN; if you meant a folder, there is none of this name"
    )]
    Refused { id: String, endpoint: String, status: u16 },
    #[error(
        "the hub has no model {id} (HTTP status 404); check the spelling; if you meant a folder, there is none of this name"
    )]
    Unknown { id: String },
    #[error(
        "the model {id} on the hub lacks {}; it is not a vision-language model in safetensors form",
        missing.join(", ")
    )]
    Incomplete { id: String, missing: Vec<String> },
    #[error(
        "the model {id} could not be downloaded from {endpoint} into {}: {reason}. Try again (downloaded files are \
         kept); without a network, copy the model's folder here and give its path; if you meant a folder, there is \
         none of this name",
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
