//! What a layout finds: images with the names of their classes, not yet looked at.

use std::path::PathBuf;

use crate::data::LeftOut;

/// Which part of a dataset a sample belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Split {
    Train,
    Val,
    Test,
}

/// An image that a layout names, not yet looked at.
#[derive(Debug)]
pub(super) struct Candidate {
    pub split: Split,
    /// The folder (or prefix, or column) that names the class.
    pub class: String,
    pub image: PathBuf,
    pub annotation: Option<PathBuf>,
}

/// What a layout found.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub candidates: Vec<Candidate>,
    /// The classes' names where the dataset has no label list of its own: the class folders.
    pub folders: Vec<String>,
    /// The layout says itself which samples are for validation.
    pub has_val: bool,
    pub left_out: Vec<LeftOut>,
    pub warnings: Vec<String>,
}
