//! The reference code's layout: `train|test/<emotion>/*` and `annotation/<emotion>/*.json`.

use std::path::Path;

use super::{Layout, Listing, folders, listing::holds_class_folders};
use crate::data::{DataError, classes};

pub(super) const LAYOUT: Layout = Layout {
    name: "the reference's (train|test/<emotion>/, annotation/<emotion>/)",
    datasets: &[&classes::EMOSET],
    matches,
    list,
};

const ANNOTATIONS: &str = "annotation";

fn matches(root: &Path, _named: bool) -> bool {
    root.join(ANNOTATIONS).is_dir()
        && folders::splits(root)
            .iter()
            .any(|(_, folder)| holds_class_folders(folder))
}

fn list(root: &Path) -> Result<Listing, DataError> {
    folders::list_with_annotations(root, Some(&root.join(ANNOTATIONS)))
}
