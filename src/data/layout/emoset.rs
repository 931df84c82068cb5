//! EmoSet as downloaded: `{train,val,test}.json`, `image/<emotion>/*`, `annotation/<emotion>/*.json`.

use std::path::Path;

use serde_json::Value;

use super::{Candidate, Layout, Listing, Split, listing::read_list};
use crate::data::{DataError, LeftOut, classes};
use crate::{inside::inside, printable::printable};

pub(super) const LAYOUT: Layout = Layout {
    name: "EmoSet as downloaded (split files, image/, annotation/)",
    datasets: &[&classes::EMOSET],
    matches,
    list,
};

const SPLITS: [(Split, &str); 3] = [
    (Split::Train, "train.json"),
    (Split::Val, "val.json"),
    (Split::Test, "test.json"),
];

fn matches(root: &Path, named: bool) -> bool {
    SPLITS.iter().any(|(_, file)| root.join(file).is_file())
        && (named || root.join("image").is_dir() || root.join("annotation").is_dir())
}

fn list(root: &Path) -> Result<Listing, DataError> {
    let mut listing = Listing::default();
    for (split, file) in SPLITS {
        let path = root.join(file);
        if !path.is_file() {
            listing.warnings.push(format!("There is no {file}."));
            continue;
        }
        listing.has_val |= split == Split::Val;
        let wrong = |reason: String| DataError::File {
            path: path.clone(),
            reason,
        };
        let text = read_list(&path).map_err(|error| wrong(error.to_string()))?;
        let rows: Vec<Value> = serde_json::from_slice(&text).map_err(|error| {
            wrong(format!(
                "it is no JSON list of [emotion, image, annotation] rows ({error})"
            ))
        })?;
        for (index, row) in rows.iter().enumerate() {
            match candidate(root, split, row) {
                Ok(candidate) => listing.candidates.push(candidate),
                Err(reason) => listing.left_out.push(LeftOut {
                    path: path.clone(),
                    reason: format!("row {}: {reason}", index + 1),
                }),
            }
        }
    }
    Ok(listing)
}

/// A row has 3 fields, or 4 with an id second.
fn candidate(root: &Path, split: Split, row: &Value) -> Result<Candidate, String> {
    let row = row.as_array().map(Vec::as_slice).unwrap_or_default();
    let ([emotion, image, annotation] | [emotion, _, image, annotation]) = row else {
        return Err(format!("{} fields, not 3 or 4", row.len()));
    };
    let (Some(emotion), Some(image)) = (emotion.as_str(), image.as_str()) else {
        return Err("the emotion or the image's path is no text".into());
    };
    let below = |path: &str| {
        inside(root, Path::new(path))
            .ok_or_else(|| format!("the path `{}` leads out of the dataset's folder", printable(path)))
    };
    Ok(Candidate {
        split,
        class: emotion.trim().replace(char::is_control, "\u{fffd}"),
        image: below(image)?,
        annotation: annotation.as_str().map(below).transpose()?,
    })
}
