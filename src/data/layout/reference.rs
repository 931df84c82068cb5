//! The reference code's layout: `train|test/<emotion>/*` and `annotation/<emotion>/*.json`.

use std::path::Path;

use super::{
    candidates::Listing,
    definition::Layout,
    folders,
    listing::holds_class_folders,
    meant::{child, correct_paths},
};
use crate::data::{DataError, classes};

pub(super) const LAYOUT: Layout = Layout {
    name: "the reference's (train|test/<emotion>/, annotation/<emotion>/)",
    datasets: &[&classes::EMOSET],
    matches,
    list,
};

const ANNOTATIONS: &str = "annotation";

fn matches(root: &Path, _named: bool) -> bool {
    child(root, &[ANNOTATIONS]).is_dir()
        && folders::splits(root)
            .iter()
            .any(|(_, folder)| holds_class_folders(folder))
}

fn list(root: &Path) -> Result<Listing, DataError> {
    let mut listing = folders::list_with_annotations(root, Some(&child(root, &[ANNOTATIONS])))?;
    correct_paths(root, &mut listing);
    Ok(listing)
}
