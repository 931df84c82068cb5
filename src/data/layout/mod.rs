//! How datasets lie on disk: one file a layout, chosen by name or by what is found.

mod abstract_paintings;
mod artphoto;
mod assemble;
mod candidates;
mod choice;
mod definition;
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

use std::path::Path;

use assemble::Found;
use candidates::Listing;
use choice::choose;
use definition::Layout;
use meant::key;

use super::{
    DataError,
    classes::{self, KnownDataset},
    control_token::control_token,
};

pub(super) use misread::{inner_dataset, misread};

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

/// Whether all class folders are in the label list: only then may the dataset be detected without its name.
fn fits(known: &KnownDataset, listing: &Listing) -> bool {
    listing
        .folders
        .iter()
        .all(|folder| known.classes.contains(&key(folder).as_str()))
}

#[cfg(test)]
mod tests;
