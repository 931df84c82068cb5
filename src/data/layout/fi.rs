//! FI (You et al. 2016): `emotion_dataset/<emotion>/*.jpg`, no official split.

use std::path::Path;

use super::{
    candidates::{Listing, Split},
    definition::Layout,
    listing::holds_class_folders,
    meant::child,
};
use crate::data::{DataError, classes};

pub(super) const LAYOUT: Layout = Layout {
    name: "FI (emotion_dataset/<emotion>/)",
    datasets: &[&classes::FI],
    matches,
    list,
};

const FOLDER: &str = "emotion_dataset";

fn matches(root: &Path, _named: bool) -> bool {
    holds_class_folders(&child(root, &[FOLDER]))
}

fn list(root: &Path) -> Result<Listing, DataError> {
    let mut listing = Listing::default();
    listing.add_class_folders(&child(root, &[FOLDER]), Split::Train, None)?;
    Ok(listing)
}
