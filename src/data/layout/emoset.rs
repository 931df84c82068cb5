//! EmoSet as downloaded: `{train,val,test}.json`, `image/<emotion>/*`, `annotation/<emotion>/*.json`. A split file may
//! be a JSON list or have a row a line (JSON Lines).

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{
    candidates::{Candidate, Listing, Split},
    definition::Layout,
    listing::read_list,
    meant::{child, correct_paths, written},
};
use crate::data::{DataError, LeftOut, classes};
use crate::printable::printable;

pub(super) const LAYOUT: Layout = Layout {
    name: "EmoSet as downloaded (split files, image/, annotation/)",
    datasets: &[&classes::EMOSET],
    matches,
    list,
};

/// The first name of each is the dataset's own.
const SPLITS: [(Split, &[&str]); 3] = [
    (Split::Train, &["train.json", "train.jsonl"]),
    (
        Split::Val,
        &[
            "val.json",
            "val.jsonl",
            "valid.json",
            "valid.jsonl",
            "validation.json",
            "validation.jsonl",
        ],
    ),
    (Split::Test, &["test.json", "test.jsonl"]),
];

fn matches(root: &Path, named: bool) -> bool {
    SPLITS.iter().any(|(_, files)| child(root, files).is_file())
        && (named || ["image", "annotation"].iter().any(|name| child(root, &[name]).is_dir()))
}

fn list(root: &Path) -> Result<Listing, DataError> {
    let mut listing = Listing::default();
    for (split, files) in SPLITS {
        let path = child(root, files);
        if !path.is_file() {
            listing.warnings.push(format!("There is no {}.", files[0]));
            continue;
        }
        listing.has_val |= split == Split::Val;
        for (index, row) in rows(&path)?.iter().enumerate() {
            match candidate(root, split, row) {
                Ok(candidate) => listing.candidates.push(candidate),
                Err(reason) => listing.left_out.push(LeftOut {
                    path: path.clone(),
                    reason: format!("row {}: {reason}", index + 1),
                }),
            }
        }
    }
    correct_paths(root, &mut listing);
    Ok(listing)
}

/// A JSON list of rows, or rows one after the other.
fn rows(path: &Path) -> Result<Vec<Value>, DataError> {
    let wrong = |reason: String| DataError::File {
        path: path.to_owned(),
        reason,
    };
    let text = read_list(path).map_err(|error| wrong(error.to_string()))?;
    let error = match serde_json::from_str::<Vec<Value>>(&text) {
        // One row alone on its line reads as a list of texts.
        Ok(rows) if !matches!(rows.first(), Some(Value::String(_))) => return Ok(rows),
        Ok(row) => return Ok(vec![Value::Array(row)]),
        Err(error) => error,
    };
    let lines: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(&text).into_iter().collect();
    lines
        .ok()
        .filter(|rows| rows.len() > 1 && rows.iter().all(|row| row.is_array() || row.is_object()))
        .ok_or_else(|| {
            wrong(format!(
                "it is neither a JSON list of [emotion, image, annotation] rows nor a file with one such row per line \
                 ({error})"
            ))
        })
}

/// A row has 3 fields, or 4 with an id second; as an object, its keys name them.
fn candidate(root: &Path, split: Split, row: &Value) -> Result<Candidate, String> {
    let named = |names: &[&str]| names.iter().find_map(|name| row.get(name)).unwrap_or(&Value::Null);
    let list = row.as_array().map(Vec::as_slice).unwrap_or_default();
    let (emotion, image, annotation) = match list {
        [emotion, image, annotation] | [emotion, _, image, annotation] => (emotion, image, annotation),
        _ if row.is_object() => (
            named(&["emotion", "label", "class"]),
            named(&["image", "image_path", "path", "file_name"]),
            named(&["annotation", "annotation_path"]),
        ),
        _ => return Err(format!("{} fields, not 3 or 4", list.len())),
    };
    let (Some(emotion), Some(image)) = (emotion.as_str(), image.as_str()) else {
        return Err("the emotion or the image's path is not a string".into());
    };
    let below = |path: &str| -> Result<PathBuf, String> {
        written(root, path).ok_or_else(|| {
            format!(
                "the path `{}` leads out of the dataset's folder; write it relative to that folder",
                printable(path)
            )
        })
    };
    Ok(Candidate {
        split,
        class: emotion.trim().replace(char::is_control, "\u{fffd}"),
        image: below(image)?,
        annotation: annotation.as_str().map(below).transpose()?,
    })
}
