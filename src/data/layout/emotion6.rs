//! Emotion6: `images/<emotion>/N.jpg` and `ground_truth.txt` (file, valence, arousal, 7 probabilities a line).
//! The label is the folder: the emotion whose keywords the image was found by. There is no official split.

use std::{collections::HashSet, path::Path};

use super::{
    candidates::{Listing, Split},
    definition::Layout,
    listing::{holds_class_folders, read_list},
    meant::{child, key, written},
};
use crate::data::{DataError, LeftOut, classes};
use crate::printable::printable;

pub(super) const LAYOUT: Layout = Layout {
    name: "Emotion6 (images/<emotion>/, ground_truth.txt)",
    datasets: &[&classes::EMOTION6],
    matches,
    list,
};

const VOTES: &str = "ground_truth.txt";

fn matches(root: &Path, named: bool) -> bool {
    (named || child(root, &[VOTES]).is_file()) && holds_class_folders(&child(root, &["images"]))
}

fn list(root: &Path) -> Result<Listing, DataError> {
    let mut listing = Listing::default();
    let images = child(root, &["images"]);
    listing.add_class_folders(&images, Split::Train, None)?;
    let path = child(root, &[VOTES]);
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
        .map(|candidate| key(&candidate.image.to_string_lossy()))
        .collect();
    for line in text.split(['\n', '\r']) {
        // The heading has no path in its first field.
        let Some(field) = first_field(line).filter(|field| field.contains(['/', '\\'])) else {
            continue;
        };
        let image = written(&images, field);
        if image.is_none_or(|image| !present.contains(&key(&image.to_string_lossy()))) {
            listing.left_out.push(LeftOut {
                path: path.clone(),
                reason: format!("`{}` is listed, but is not among the images", printable(field)),
            });
        }
    }
    Ok(listing)
}

/// A path may hold blanks where another mark divides the fields.
fn first_field(line: &str) -> Option<&str> {
    match line.split_once(['\t', ',', ';']) {
        Some((field, _)) => Some(field),
        None => line.split_whitespace().next(),
    }
}
