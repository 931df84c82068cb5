//! The hub's settings from environment variables.

use std::path::{Path, PathBuf};

use crate::bounded_file::read_text;
use crate::vlm::LONGEST_CONFIG;

const ENDPOINT: &str = "https://huggingface.co";

/// The hub's address and the cache's location, as the environment states them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hub {
    /// The cache's folder.
    pub cache: PathBuf,
    pub endpoint: String,
    pub token: Option<String>,
    pub offline: bool,
}

impl Hub {
    /// Reads HF_HOME, HF_HUB_CACHE, HF_TOKEN, HF_TOKEN_PATH, HF_ENDPOINT, HF_HUB_OFFLINE (and TRANSFORMERS_OFFLINE) as
    /// Python's huggingface_hub does; `None` if they give no folder for the cache.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
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
            let text = read_text(&token_file?, LONGEST_CONFIG).ok()?;
            Some(text.trim().to_owned()).filter(|token| !token.is_empty())
        };
        let offline = set("HF_HUB_OFFLINE")
            .or_else(|| set("TRANSFORMERS_OFFLINE"))
            .unwrap_or_default();
        Some(Self {
            // hf-hub creates correct relative links only between absolute paths.
            cache: std::path::absolute(&cache).unwrap_or(cache),
            endpoint: set("HF_ENDPOINT")
                .unwrap_or_else(|| ENDPOINT.to_owned())
                .trim_end_matches('/')
                .to_owned(),
            token: set("HF_TOKEN").or_else(saved_token),
            offline: matches!(offline.to_ascii_uppercase().as_str(), "1" | "ON" | "YES" | "TRUE"),
        })
    }
}
