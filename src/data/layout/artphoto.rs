//! ArtPhoto (Machajdik and Hanbury 2010): a flat folder, the label is the file name up to `_`.

use std::path::Path;

use super::{
    candidates::{Listing, Split},
    definition::Layout,
    listing::{Entry, entries, holds_images},
    meant::key,
};
use crate::data::{DataError, classes, image_file};

pub(super) const LAYOUT: Layout = Layout {
    name: "ArtPhoto (flat folder, <emotion>_N.jpg)",
    datasets: &[&classes::ARTPHOTO],
    matches,
    list,
};

fn matches(root: &Path, named: bool) -> bool {
    if named {
        return holds_images(root);
    }
    let Ok(found) = entries(root, &mut Vec::new()) else {
        return false;
    };
    let mut images = found
        .files
        .iter()
        .filter(|file| image_file::is_image_name(&file.path))
        .peekable();
    images.peek().is_some()
        && images.all(|file| prefix(&file.name).is_some_and(|prefix| classes::ARTPHOTO.classes.contains(&&*prefix)))
}

fn list(root: &Path) -> Result<Listing, DataError> {
    let mut listing = Listing::default();
    let found = entries(root, &mut listing.left_out)?;
    listing.leave_out(found.folders, "a folder inside ArtPhoto's flat folder is not read");
    for file in found.files {
        if !image_file::is_image_name(&file.path) {
            listing.leave_out(vec![file], "its name does not end as an image's does");
        } else if let Some(name) = prefix(&file.name) {
            let class = Entry {
                name,
                path: root.to_owned(),
            };
            listing.add_class(&class, Split::Train, vec![file], None);
        } else {
            listing.leave_out(vec![file], "its name has no emotion before an `_`");
        }
    }
    Ok(listing)
}

pub(super) fn prefix(name: &str) -> Option<String> {
    name.split_once('_').map(|(prefix, _)| key(prefix))
}
