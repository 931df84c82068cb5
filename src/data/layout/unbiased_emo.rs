//! UnbiasedEmo (Panda et al. 2018): `images/<emotion>/<keyword>/*.jpg`, no official split.

use std::path::Path;

use super::{
    candidates::{Listing, Split},
    definition::Layout,
    listing::{entries, holds_class_folders, subfolders},
    meant::child,
};
use crate::data::{DataError, classes};

pub(super) const LAYOUT: Layout = Layout {
    name: "UnbiasedEmo (images/<emotion>/<keyword>/)",
    datasets: &[&classes::UNBIASED_EMO],
    matches,
    list,
};

fn matches(root: &Path, _named: bool) -> bool {
    subfolders(&child(root, &["images"]))
        .iter()
        .any(|class| holds_class_folders(class))
}

fn list(root: &Path) -> Result<Listing, DataError> {
    let mut listing = Listing::default();
    let found = entries(&child(root, &["images"]), &mut listing.left_out)?;
    listing.leave_out(found.files, "it is in no class folder");
    for class in found.folders {
        let inside = entries(&class.path, &mut listing.left_out)?;
        let mut files = inside.files;
        for keyword in inside.folders {
            let below = entries(&keyword.path, &mut listing.left_out)?;
            listing.leave_out(below.folders, "a folder inside a keyword's folder is not read");
            files.extend(below.files);
        }
        listing.add_class(&class, Split::Train, files, None);
    }
    Ok(listing)
}
