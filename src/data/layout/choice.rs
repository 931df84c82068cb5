//! Which layout a folder has: the one that its dataset's name says, or the first that fits.

use std::path::Path;

use super::{
    abstract_paintings, artphoto, definition::Layout, emoset, emotion6, fi, flickr_instagram, folders, reference,
    unbiased_emo,
};
use crate::data::classes::KnownDataset;

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

/// With a known name: that dataset's own layout if it fits, else one of the two general layouts. Without: any that fits.
pub(super) fn choose(root: &Path, known: Option<&'static KnownDataset>) -> Option<&'static Layout> {
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
