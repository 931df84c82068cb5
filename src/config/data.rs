//! `data:` — the dataset and how its images reach the model.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{allowed::MANY, section::section};

/// A cache of a pebibyte.
const MIB: u64 = 1 << 30;

section! {
    DataSettings {
        /// The dataset's folder.
        root: Option<PathBuf> = None, Path;
        /// Names the layout and class list (`EmoSet`, `Emotion6`, ...); `None`: detected.
        dataname: Option<String> = None, Text;
        /// The emotion question's templates, one a line, `{}` where the classes go; `None`: the built-in ones.
        prompts: Option<PathBuf> = None, Path;
        /// A folder with `<aspect>.txt`, one template a line; `None`: the built-in ones.
        aspect_prompts: Option<PathBuf> = None, Path;
        /// Draw order and templates at random; false: sorted, and the first template of each file.
        shuffle: bool = true, Switch;
        /// How often an epoch of stage 2 has each image; stage 1 asks about aspects, not about a class. Without `shuffle` an
        /// image's repeats follow one another, and the first images of a class have those that are left over.
        balance: Balance = Balance::None, OneOf(&["none", "classes"]);
        /// Share of the training split that becomes the validation split where the dataset has none; 0: no validation.
        val_fraction: f64 = 0.1, ShareBelowOne;
        /// Images a class that both stages train on, drawn by `train.seed` from what validation leaves of the training split;
        /// those of a smaller number are among those of a larger one. `None`: all.
        shots: Option<usize> = None, Count(1, MANY);
        /// Turn images as their EXIF orientation says; the reference does not.
        exif_orientation: bool = false, Switch;
        /// Bound of the cache of vision features in memory, in MiB; 0: no cache.
        cache_mb: u64 = 1024, Count(0, MIB);
        /// Bound of the same on disk, in MiB; 0: none there.
        disk_cache_mb: u64 = 0, Count(0, MIB);
        /// The folder of the cache on disk; `None`: `.features` in the folder of all sessions.
        cache_dir: Option<PathBuf> = None, Path;
    }
}

/// How often an epoch has each image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// Once.
    None,
    /// Images of rarer classes repeat, so that each class counts as often as the most frequent one.
    Classes,
}
