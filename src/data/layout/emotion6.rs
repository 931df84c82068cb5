//! Emotion6: `images/<emotion>/N.jpg` and `ground_truth.txt` (file, valence, arousal, 7 probabilities a line).
//! The label is the folder: the emotion whose keywords the image was found by. There is no official split.

use std::{collections::HashSet, path::Path};

use super::{
    Layout, Listing, Split,
    listing::{holds_class_folders, read_list},
};
use crate::data::{DataError, LeftOut, classes};
use crate::{inside::inside, printable::printable};

pub(super) const LAYOUT: Layout = Layout {
    name: "Emotion6 (images/<emotion>/, ground_truth.txt)",
    datasets: &[&classes::EMOTION6],
    matches,
    list,
};

const VOTES: &str = "ground_truth.txt";

fn matches(root: &Path, named: bool) -> bool {
    (named || root.join(VOTES).is_file()) && holds_class_folders(&root.join("images"))
}

fn list(root: &Path) -> Result<Listing, DataError> {
    let mut listing = Listing::default();
    let images = root.join("images");
    listing.add_class_folders(&images, Split::Train, None)?;
    let path = root.join(VOTES);
    if !path.is_file() {
        return Ok(listing);
    }
    let text = read_list(&path).map_err(|source| DataError::Io {
        path: path.clone(),
        source,
    })?;
    let present: HashSet<_> = listing
        .candidates
        .iter()
        .map(|candidate| candidate.image.clone())
        .collect();
    for line in String::from_utf8_lossy(&text).lines() {
        // The heading has no path in its first field.
        let Some(written) = line.split_whitespace().next().filter(|field| field.contains('/')) else {
            continue;
        };
        if inside(&images, Path::new(written)).is_none_or(|image| !present.contains(&image)) {
            listing.left_out.push(LeftOut {
                path: path.clone(),
                reason: format!("`{}` is listed, but is not among the images", printable(written)),
            });
        }
    }
    Ok(listing)
}
