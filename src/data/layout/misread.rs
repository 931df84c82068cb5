//! Folders that are nearly a dataset: one level too high or too low, unpacked wrongly, a file out of place.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::{Path, PathBuf},
};

use super::{
    abstract_paintings, artphoto,
    choice::choose,
    folders,
    listing::{entries, holds_images, subfolders},
    meant::key,
};
use crate::{
    data::{Dataset, classes, image_file},
    printable::printable,
};

/// So many folders below the one that was named are looked at.
const MOST_FOLDERS: usize = 200;
const MOST_LEVELS: usize = 3;

/// What a folder without a known layout nearly is, and what to do.
pub(super) fn near_miss(root: &Path) -> String {
    if let Some((inner, layout)) = inner_dataset(root) {
        return format!("its subfolder `{inner}` has the layout {layout}: point --data at that");
    }
    let files = entries(root, &mut Vec::new()).map_or(Vec::new(), |found| found.files);
    let images: Vec<_> = files
        .iter()
        .filter(|file| image_file::is_image_name(&file.path))
        .collect();
    if let Some(mangled) = images.iter().find(|file| file.name.contains('\\')) {
        return format!(
            "`{}` was unpacked with `\\` in its name instead of into folders: unpack the archive again, with 7z or bsdtar",
            printable(&mangled.name)
        );
    }
    let of_artphoto = |name: &str| artphoto::prefix(name).is_some_and(|prefix| is_art_class(&prefix));
    let named = images.iter().filter(|file| of_artphoto(&file.name)).count();
    if let (true, Some(odd)) = (named > 0, images.iter().find(|file| !of_artphoto(&file.name))) {
        return format!(
            "{named} of its {} pictures have names like ArtPhoto's and `{}` does not: move it away, or add --dataname \
             ArtPhoto to leave it out",
            images.len(),
            printable(&odd.name)
        );
    }
    "point --data at such a folder".to_owned()
}

/// The nearest folder below `root` that is a dataset by itself (relative to `root`, printable), with its layout.
pub fn inner_dataset(root: &Path) -> Option<(String, &'static str)> {
    let mut waiting: VecDeque<(PathBuf, usize)> = VecDeque::from([(root.to_owned(), 0)]);
    let mut looked_at = 0;
    while let Some((folder, level)) = waiting.pop_front() {
        let mut below = if level < MOST_LEVELS {
            subfolders(&folder)
        } else {
            Vec::new()
        };
        below.sort_unstable();
        for inner in below {
            looked_at += 1;
            if looked_at > MOST_FOLDERS {
                return None;
            }
            // Plain class folders count as a dataset only if there are at least two.
            let folders_of_images = || subfolders(&inner).iter().filter(|class| holds_images(class)).count();
            let layout =
                choose(&inner, None).filter(|layout| layout.name != folders::LAYOUT.name || folders_of_images() > 1);
            if let Some(layout) = layout {
                let below = inner.strip_prefix(root).unwrap_or(&inner).to_string_lossy();
                return Some((printable(&below).into_owned(), layout.name));
            }
            waiting.push_back((inner, level + 1));
        }
    }
    None
}

/// Why the folders that were read as classes are not classes: they are splits, or a dataset of their own, or each holds class
/// folders.
pub fn misread(dataset: &Dataset) -> Option<String> {
    if dataset.layout != folders::LAYOUT.name {
        return None;
    }
    if dataset.classes.iter().all(|class| folders::is_split_name(class)) {
        return Some(format!(
            "{} are names of splits, but their pictures are not in class folders; put them into <split>/<class>/, or \
             point --data at a folder with that layout",
            printable(&dataset.classes.join(", "))
        ));
    }
    // For each folder, the prefixes of its file names up to `_`.
    let mut folders: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (folder, name) in dataset.train.iter().filter_map(|sample| sample.id.rsplit_once('/')) {
        let prefix = artphoto::prefix(name).unwrap_or_default();
        folders.entry(folder).or_default().insert(prefix);
    }
    let of_artphoto = |(_, prefixes): &(&&str, &BTreeSet<String>)| {
        prefixes.len() > 1 && prefixes.iter().all(|prefix| is_art_class(prefix))
    };
    let several = folders.iter().find(of_artphoto).map(|(folder, _)| (*folder).to_owned());
    if let Some(folder) = several.or_else(|| holds_votes(dataset)) {
        return Some(format!(
            "`{}` was read as a class, but its files show that it holds several; point --data at that folder",
            printable(&folder)
        ));
    }
    let holds_folders = |folder: &&str| {
        subfolders(&dataset.root.join(folder))
            .iter()
            .any(|inner| holds_images(inner))
    };
    if !folders.is_empty() && folders.keys().all(holds_folders) {
        let names: Vec<String> = folders
            .keys()
            .map(|folder| format!("`{}`", printable(folder)))
            .collect();
        return Some(format!(
            "each of {} holds folders of images, which are not read: the classes lie one level deeper; point --data \
             at the folder that holds them",
            names.join(", ")
        ));
    }
    None
}

/// The folder that holds Abstract's table of votes, which was left out because it is no image.
fn holds_votes(dataset: &Dataset) -> Option<String> {
    let votes = key(abstract_paintings::VOTES);
    let is_votes = |path: &Path| {
        path.file_name()
            .is_some_and(|name| key(&name.to_string_lossy()) == votes)
    };
    let left_out = dataset.left_out.iter().find(|left_out| is_votes(&left_out.path))?;
    let folder = left_out.path.parent()?.strip_prefix(&dataset.root).ok()?;
    (!folder.as_os_str().is_empty()).then(|| folder.to_string_lossy().into_owned())
}

fn is_art_class(prefix: &str) -> bool {
    classes::ARTPHOTO.classes.contains(&prefix)
}
