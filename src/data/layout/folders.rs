//! Any folder of class folders, also under `train`, `val` and `test`: the classes are the folders' names.

use std::path::{Path, PathBuf};

use super::{
    candidates::{Listing, Split},
    definition::Layout,
    listing::{holds_class_folders, subfolders},
    meant::key,
};
use crate::data::{DataError, LeftOut};

pub(super) const LAYOUT: Layout = Layout {
    name: "class folders",
    datasets: &[],
    matches,
    list,
};

const SPLITS: [(Split, &str); 8] = [
    (Split::Train, "train"),
    (Split::Val, "val"),
    (Split::Val, "valid"),
    (Split::Val, "validation"),
    (Split::Test, "test"),
    (Split::Train, "training"),
    (Split::Val, "dev"),
    (Split::Test, "testing"),
];

fn matches(root: &Path, _named: bool) -> bool {
    holds_class_folders(root) || splits(root).iter().any(|(_, folder)| holds_class_folders(folder))
}

pub(super) fn list(root: &Path) -> Result<Listing, DataError> {
    list_with_annotations(root, None)
}

/// With `annotations`, `<annotations>/<class>/<name>.json` belongs to an image.
pub(super) fn list_with_annotations(root: &Path, annotations: Option<&Path>) -> Result<Listing, DataError> {
    let mut listing = Listing::default();
    let splits: Vec<_> = splits(root)
        .into_iter()
        .filter(|(_, folder)| holds_class_folders(folder))
        .collect();
    if splits.is_empty() {
        listing.add_class_folders(root, Split::Train, annotations)?;
    }
    listing.left_out.extend(beside(root, &splits, annotations));
    for (split, folder) in splits {
        listing.has_val |= split == Split::Val;
        listing.add_class_folders(&folder, split, annotations)?;
    }
    Ok(listing)
}

/// The split folders that are there, as they are written or in other case (`Train`).
pub(super) fn splits(root: &Path) -> Vec<(Split, PathBuf)> {
    let mut folders = subfolders(root);
    folders.sort_unstable();
    let named = |name: &'static str, folder: &PathBuf| folder.file_name().is_some_and(|written| written == name);
    let mut found = Vec::new();
    for (split, name) in SPLITS {
        let means = |folder: &&PathBuf| name_of(folder).is_some_and(|written| key(written) == name);
        let (exact, other): (Vec<_>, Vec<_>) = folders.iter().filter(means).partition(|folder| named(name, folder));
        found.extend(exact.into_iter().chain(other).map(|folder| (split, folder.clone())));
    }
    found
}

/// Whether a folder of this name is a part of a dataset, and no class.
pub(super) fn is_split_name(name: &str) -> bool {
    SPLITS.iter().any(|(_, split)| key(name) == *split)
}

/// Folders of pictures that stand beside the split folders: a split under another name, or forgotten.
fn beside(root: &Path, splits: &[(Split, PathBuf)], annotations: Option<&Path>) -> Vec<LeftOut> {
    let mut folders = if splits.is_empty() {
        Vec::new()
    } else {
        subfolders(root)
    };
    folders.sort_unstable();
    let is_read = |folder: &PathBuf| {
        Some(folder.as_path()) == annotations
            || splits.iter().any(|(_, split)| split == folder)
            || !holds_class_folders(folder)
    };
    folders.retain(|folder| !is_read(folder));
    let names = SPLITS.map(|(_, name)| name).join(", ");
    let line = |path| LeftOut {
        path,
        reason: format!("it lies beside the split folders and is not read; the splits' names are {names}"),
    };
    folders.into_iter().map(line).collect()
}

fn name_of(folder: &Path) -> Option<&str> {
    folder.file_name()?.to_str()
}
