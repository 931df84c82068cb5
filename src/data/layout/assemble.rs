//! From an image that a layout names to a sample: its first bytes, its label, its annotation.

use std::{
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
};

use rayon::prelude::*;

use super::{
    candidates::{Candidate, Listing, Split},
    labels::Labels,
    meant::key,
};
use crate::data::{Annotation, LeftOut, Sample, annotation, classes::KnownDataset, image_file};

/// A dataset before the validation split is made.
#[derive(Debug)]
pub struct Found {
    pub name: String,
    pub layout: &'static str,
    pub classes: Vec<String>,
    pub train: Vec<Sample>,
    /// `None` where the layout has no validation split.
    pub val: Option<Vec<Sample>>,
    pub test: Vec<Sample>,
    pub left_out: Vec<LeftOut>,
    pub warnings: Vec<String>,
}

/// A candidate whose file and annotation were read.
struct Checked {
    split: Split,
    class: String,
    sample: Sample,
    left_out: Vec<LeftOut>,
    annotation_missing: bool,
    /// The label that the annotation names, where it is another.
    other_emotion: Option<String>,
}

/// Checks all candidates, in parallel, and sorts them: by class folder, then file name, in byte order.
pub(super) fn assemble(
    root: &Path,
    layout: &'static str,
    name: &str,
    known: Option<&KnownDataset>,
    listing: Listing,
) -> Found {
    let Listing {
        candidates,
        folders,
        has_val,
        mut left_out,
        mut warnings,
    } = listing;
    let mut labels = Labels::new(known, &folders);
    warnings.append(&mut labels.notes);

    let (candidates, foreign): (Vec<_>, Vec<_>) = candidates
        .into_iter()
        .partition(|candidate| labels.of(&candidate.class).is_some());
    left_out.extend(foreign_classes(&foreign, name, &labels));

    let results: Vec<Result<Checked, LeftOut>> = candidates
        .into_par_iter()
        .map(|candidate| {
            let label = labels.of(&candidate.class).unwrap_or_default();
            check(root, candidate, label, &labels.classes)
        })
        .collect();

    let mut checked = Vec::with_capacity(results.len());
    for result in results {
        match result {
            Ok(found) => checked.push(found),
            Err(reason) => left_out.push(reason),
        }
    }
    checked.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
    warnings.extend(annotation_warnings(&checked));
    warnings.extend(repetitions(&mut checked));

    let mut found = Found {
        name: name.to_owned(),
        layout,
        classes: labels.classes,
        train: Vec::new(),
        val: has_val.then(Vec::new),
        test: Vec::new(),
        left_out,
        warnings,
    };
    for one in checked {
        found.left_out.extend(one.left_out);
        match (one.split, &mut found.val) {
            (Split::Val, Some(val)) => val.push(one.sample),
            (Split::Test, _) => found.test.push(one.sample),
            _ => found.train.push(one.sample),
        }
    }
    found
}

fn sort_key(checked: &Checked) -> (&str, Option<&std::ffi::OsStr>, &str) {
    (&checked.class, checked.sample.path.file_name(), &checked.sample.id)
}

fn check(root: &Path, candidate: Candidate, label: usize, classes: &[String]) -> Result<Checked, LeftOut> {
    image_file::probe(&candidate.image).map_err(|error| LeftOut {
        path: error.path,
        reason: error.reason,
    })?;
    let mut left_out = Vec::new();
    let mut other_emotion = None;
    let mut content = Annotation::default();
    let annotation_missing = candidate.annotation.as_ref().is_some_and(|path| !path.exists());
    if let Some(path) = candidate.annotation.filter(|_| !annotation_missing) {
        match annotation::read(&path) {
            Ok(file) => {
                content = file.annotation;
                other_emotion = file
                    .emotion
                    .filter(|emotion| classes.get(label).is_some_and(|class| key(class) != key(emotion)));
                left_out.extend(file.problems.into_iter().map(|reason| LeftOut {
                    path: path.clone(),
                    reason: format!("only this field is left out: {reason}"),
                }));
            }
            Err(reason) => left_out.push(LeftOut {
                reason: format!("the annotation cannot be read, so its image is kept without it: {reason}"),
                path,
            }),
        }
    }
    Ok(Checked {
        split: candidate.split,
        class: candidate.class,
        sample: Sample {
            id: id(root, &candidate.image),
            path: candidate.image,
            label,
            annotation: content,
        },
        left_out,
        annotation_missing,
        other_emotion,
    })
}

/// The path below the root, with `/` on every system.
fn id(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = below
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    parts.join("/")
}

/// One line for each folder whose name is no class.
fn foreign_classes(foreign: &[Candidate], name: &str, labels: &Labels) -> Vec<LeftOut> {
    let mut counts: BTreeMap<(&str, PathBuf), usize> = BTreeMap::new();
    for candidate in foreign {
        let folder = candidate.image.parent().unwrap_or(&candidate.image).to_owned();
        *counts.entry((&candidate.class, folder)).or_default() += 1;
    }
    let line = |((class, path), count): ((&str, PathBuf), usize)| {
        let near = labels.near(class);
        let advice = near.map(|near| format!("; if you mean `{near}`, use that name"));
        LeftOut {
            path,
            reason: format!(
                "{count} image(s) of `{class}`, which is not one of {name}'s classes ({}){}",
                labels.classes.join(", "),
                advice.unwrap_or_default()
            ),
        }
    };
    counts.into_iter().map(line).collect()
}

fn annotation_warnings(checked: &[Checked]) -> Vec<String> {
    let mut warnings = Vec::new();
    let missing = checked.iter().filter(|one| one.annotation_missing).count();
    if let Some(first) = checked.iter().find(|one| one.annotation_missing) {
        warnings.push(format!(
            "{missing} image(s) have no annotation file (the first: {}): stage 1 does not use them.",
            first.sample.id
        ));
    }
    let others = checked.iter().filter(|one| one.other_emotion.is_some()).count();
    if let Some((first, emotion)) = checked
        .iter()
        .find_map(|one| one.other_emotion.as_ref().map(|emotion| (one, emotion)))
    {
        warnings.push(format!(
            "{others} annotation(s) name another emotion than the image's class, which is kept (the first: {}, \
             `{}`).",
            first.sample.id,
            crate::printable::printable(emotion)
        ));
    }
    warnings
}

/// Drops a sample that is twice in a split, and warns of this and of samples in several splits.
fn repetitions(checked: &mut Vec<Checked>) -> Vec<String> {
    let before = checked.len();
    let mut seen = HashSet::new();
    checked.retain(|one| seen.insert((one.split, one.sample.id.clone())));
    let mut warnings = Vec::new();
    if checked.len() < before {
        warnings.push(format!(
            "{} image(s) are listed twice in a split and used once.",
            before - checked.len()
        ));
    }
    let images: HashSet<&str> = checked.iter().map(|one| one.sample.id.as_str()).collect();
    if images.len() < checked.len() {
        warnings.push(format!(
            "{} image(s) are in more than one split, which makes results on them too good.",
            checked.len() - images.len()
        ));
    }
    warnings
}
