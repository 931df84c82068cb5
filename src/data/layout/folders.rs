//! Any folder of class folders, also under `train`, `val` and `test`: the classes are the folders' names.

use std::path::{Path, PathBuf};

use super::{Layout, Listing, Split, listing::holds_class_folders};
use crate::data::DataError;

pub(super) const LAYOUT: Layout = Layout {
    name: "class folders",
    datasets: &[],
    matches,
    list,
};

const SPLITS: [(Split, &str); 5] = [
    (Split::Train, "train"),
    (Split::Val, "val"),
    (Split::Val, "valid"),
    (Split::Val, "validation"),
    (Split::Test, "test"),
];

fn matches(root: &Path, _named: bool) -> bool {
    holds_class_folders(root)
        || splits(root)
            .iter()
            .any(|(_, folder)| holds_class_folders(folder))
}

pub(super) fn list(root: &Path) -> Result<Listing, DataError> {
    list_with_annotations(root, None)
}

/// With `annotations`, `<annotations>/<class>/<name>.json` belongs to an image.
pub(super) fn list_with_annotations(
    root: &Path,
    annotations: Option<&Path>,
) -> Result<Listing, DataError> {
    let mut listing = Listing::default();
    let splits: Vec<_> = splits(root)
        .into_iter()
        .filter(|(_, folder)| holds_class_folders(folder))
        .collect();
    if splits.is_empty() {
        listing.add_class_folders(root, Split::Train, annotations)?;
    }
    for (split, folder) in splits {
        listing.has_val |= split == Split::Val;
        listing.add_class_folders(&folder, split, annotations)?;
    }
    Ok(listing)
}

/// The split folders that are there.
pub(super) fn splits(root: &Path) -> Vec<(Split, PathBuf)> {
    SPLITS
        .iter()
        .map(|(split, name)| (*split, root.join(name)))
        .filter(|(_, folder)| folder.is_dir())
        .collect()
}
