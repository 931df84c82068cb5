//! Flickr and Instagram (Katsurai and Satoh 2016): `train|test/positive|negative/`.

use std::path::Path;

use super::{definition::Layout, folders, listing::subfolders};
use crate::data::classes;

pub(super) const LAYOUT: Layout = Layout {
    name: "Flickr / Instagram (train|test/positive|negative/)",
    datasets: &[&classes::FLICKR, &classes::INSTAGRAM],
    matches,
    list: folders::list,
};

fn matches(root: &Path, _named: bool) -> bool {
    let splits = folders::splits(root);
    let mut classes = splits.iter().flat_map(|(_, folder)| subfolders(folder)).peekable();
    classes.peek().is_some()
        && classes.all(|folder| {
            folder
                .file_name()
                .and_then(|name| name.to_str())
                .is_some_and(|name| classes::FLICKR.classes.contains(&name))
        })
}
