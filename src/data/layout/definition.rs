//! What makes a layout: how it is recognised, and how it lists its images.

use std::path::Path;

use super::candidates::Listing;
use crate::data::{DataError, classes::KnownDataset};

/// One way in which datasets lie on disk.
pub(super) struct Layout {
    /// For people.
    pub name: &'static str,
    /// The datasets that are distributed so; the first gives the label list. None: the class folders do.
    pub datasets: &'static [&'static KnownDataset],
    /// Looks at a few names only. `named`: the user said that it is one of `datasets`.
    pub matches: fn(root: &Path, named: bool) -> bool,
    pub list: fn(root: &Path) -> Result<Listing, DataError>,
}
