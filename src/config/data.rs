//! `data:` — the dataset and how its images reach the model.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataSettings {
    /// The dataset's folder.
    pub root: Option<PathBuf>,
    /// Names the layout and class list (`EmoSet`, `Emotion6`, ...); `None`: detected.
    pub dataname: Option<String>,
    /// The emotion question's templates, one a line, `{}` where the classes go; `None`: the built-in ones.
    pub prompts: Option<PathBuf>,
    /// A folder with `<aspect>.txt`, one template a line; `None`: the built-in ones.
    pub aspect_prompts: Option<PathBuf>,
    /// Draw order and templates at random; false: sorted, and the first template of each file.
    pub shuffle: bool,
    /// Share of the training split that becomes the validation split where the dataset has none; 0: no validation.
    pub val_fraction: f64,
    /// Turn images as their EXIF orientation says; the reference does not.
    pub exif_orientation: bool,
    /// Bound of the cache of vision features in memory, in MiB; 0: no cache.
    pub cache_mb: u64,
    /// Bound of the same on disk, in MiB; 0: none there.
    pub disk_cache_mb: u64,
    /// The folder of the cache on disk; `None`: `.features` in the folder of all sessions.
    pub cache_dir: Option<PathBuf>,
}

impl Default for DataSettings {
    fn default() -> Self {
        Self {
            root: None,
            dataname: None,
            prompts: None,
            aspect_prompts: None,
            shuffle: true,
            val_fraction: 0.1,
            exif_orientation: false,
            cache_mb: 1024,
            disk_cache_mb: 0,
            cache_dir: None,
        }
    }
}
