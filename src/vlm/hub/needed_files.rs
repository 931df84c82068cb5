//! The files that a folder must have to be a model.

use std::{collections::BTreeSet, path::Path};

use crate::vlm::weights::files::{Choice, choose, shards};

/// The weights' file, where it is not known that they are in several.
pub(super) const SINGLE: &str = "model.safetensors";
/// The files that a model folder must have besides its weights.
pub(super) const NEEDED: [&str; 2] = ["config.json", "tokenizer.json"];

/// The files that a folder lacks to be a model.
pub(super) fn missing_files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    let mut needed: Vec<String> = NEEDED.map(str::to_owned).to_vec();
    needed.extend(match choose(names.iter().map(String::as_str)) {
        Choice::Files(files) | Choice::Incomplete(files) => files,
        Choice::Index(index) => shards(&folder.join(index)).map_or_else(
            |_| vec![SINGLE.to_owned()],
            |shards: BTreeSet<String>| shards.into_iter().collect(),
        ),
        Choice::Nothing => vec![SINGLE.to_owned()],
    });
    // A dangling link in the cache counts as missing.
    needed.retain(|file| !folder.join(file).exists());
    needed
}
