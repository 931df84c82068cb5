//! How datasets lie on disk: one file a layout, chosen by name or by what is found.

mod abstract_paintings;
mod artphoto;
mod assemble;
mod emoset;
mod emotion6;
mod fi;
mod flickr_instagram;
mod folders;
mod labels;
mod listing;
mod meant;
mod misread;
mod reference;
mod unbiased_emo;

use std::path::{Path, PathBuf};

use meant::key;

use super::{
    DataError, LeftOut, Sample,
    classes::{self, KnownDataset},
    control_token::control_token,
};

pub(super) use misread::{inner_dataset, misread};

/// Which part of a dataset a sample belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Split {
    Train,
    Val,
    Test,
}

/// An image that a layout names, not yet looked at.
#[derive(Debug)]
struct Candidate {
    split: Split,
    /// The folder (or prefix, or column) that names the class.
    class: String,
    image: PathBuf,
    annotation: Option<PathBuf>,
}

/// What a layout found.
#[derive(Debug, Default)]
struct Listing {
    candidates: Vec<Candidate>,
    /// The classes' names where the dataset has no label list of its own: the class folders.
    folders: Vec<String>,
    /// The layout says itself which samples are for validation.
    has_val: bool,
    left_out: Vec<LeftOut>,
    warnings: Vec<String>,
}

/// A dataset before the validation split is made.
#[derive(Debug)]
pub(super) struct Found {
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

/// One way in which datasets lie on disk.
struct Layout {
    /// For people.
    name: &'static str,
    /// The datasets that are distributed so; the first gives the label list. None: the class folders do.
    datasets: &'static [&'static KnownDataset],
    /// Looks at a few names only. `named`: the user said that it is one of `datasets`.
    matches: fn(root: &Path, named: bool) -> bool,
    list: fn(root: &Path) -> Result<Listing, DataError>,
}

/// In the order in which they are tried: the more telling first.
static LAYOUTS: [Layout; 9] = [
    emoset::LAYOUT,
    emotion6::LAYOUT,
    abstract_paintings::LAYOUT,
    fi::LAYOUT,
    reference::LAYOUT,
    unbiased_emo::LAYOUT,
    artphoto::LAYOUT,
    flickr_instagram::LAYOUT,
    folders::LAYOUT,
];

/// Finds the layout and reads it.
///
/// # Errors
/// No layout fits, or a file that the layout stands on cannot be read.
pub(super) fn read(root: &Path, dataname: Option<&str>) -> Result<Found, DataError> {
    let known = dataname.and_then(classes::by_name);
    let layout = layout_of(root, dataname)?;
    let mut listing = (layout.list)(root)?;
    if let (Some(name), None) = (dataname, known) {
        listing.warnings.push(format!(
            "`{}` is none of the datasets known by name ({}): the classes are those that were found.",
            crate::printable::printable(name),
            classes::names()
        ));
    }
    let known = known.or_else(|| (layout.datasets.first().copied()).filter(|known| fits(known, &listing)));
    let name = dataname
        .filter(|_| known.is_none())
        .or(known.map(|known| known.name))
        .unwrap_or("folders");
    let found = assemble::assemble(root, layout.name, name, known, listing);
    let obeyed = |class: &&String| control_token(class).is_some();
    match found.classes.iter().find(obeyed) {
        Some(class) => Err(DataError::ControlToken {
            root: root.to_owned(),
            class: class.clone(),
        }),
        None => Ok(found),
    }
}

/// The layout that a dataset of this name, or of none, has in the folder.
fn layout_of(root: &Path, dataname: Option<&str>) -> Result<&'static Layout, DataError> {
    choose(root, dataname.and_then(classes::by_name)).ok_or_else(|| DataError::UnknownLayout {
        root: root.to_owned(),
        dataname: dataname.map(|name| format!(" ({name})")).unwrap_or_default(),
        near: misread::near_miss(root),
    })
}

/// The layout's name, for people; looks at a few names only.
///
/// # Errors
/// No layout fits.
pub(super) fn recognise(root: &Path, dataname: Option<&str>) -> Result<&'static str, DataError> {
    layout_of(root, dataname).map(|layout| layout.name)
}

/// With a known name: that dataset's own layout if it fits, else one of the two general layouts. Without: any that fits.
fn choose(root: &Path, known: Option<&'static KnownDataset>) -> Option<&'static Layout> {
    let Some(known) = known else {
        return LAYOUTS.iter().find(|layout| (layout.matches)(root, false));
    };
    let own = LAYOUTS.iter().filter(|layout| layout.datasets.contains(&known));
    let general = [&reference::LAYOUT, &folders::LAYOUT].map(|layout| layout.name);
    own.filter(|layout| (layout.matches)(root, true))
        .chain(
            LAYOUTS
                .iter()
                .filter(|layout| general.contains(&layout.name) && (layout.matches)(root, true)),
        )
        .next()
}

/// Whether all class folders are in the label list: only then may the dataset be detected without its name.
fn fits(known: &KnownDataset, listing: &Listing) -> bool {
    listing
        .folders
        .iter()
        .all(|folder| known.classes.contains(&key(folder).as_str()))
}

#[cfg(test)]
mod tests;
