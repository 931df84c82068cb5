//! Reading folders in a fixed order, and paths that stand in files.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    candidates::{Candidate, Listing, Split},
    meant::key,
};
use crate::bounded_file::read_bounded;
use crate::data::{DataError, LeftOut, image_file, text};

/// What systems and unpackers leave beside a person's files, by its [`key`]; names that begin with `.` are hidden too.
const JUNK_NAMES: [&str; 9] = [
    "__macosx",
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "@eadir",
    "$recycle.bin",
    "system volume information",
    "lost+found",
    "icon\r",
];

/// An entry of a folder.
pub(super) struct Entry {
    pub name: String,
    pub path: PathBuf,
}

/// The entries that are neither hidden nor litter, in byte order of their names, folders apart from files.
pub(super) struct Entries {
    pub folders: Vec<Entry>,
    pub files: Vec<Entry>,
}

/// Reads a folder; names that are not UTF-8 are left out.
pub(super) fn entries(folder: &Path, left_out: &mut Vec<LeftOut>) -> Result<Entries, DataError> {
    let error = |source| DataError::Io {
        path: folder.to_owned(),
        source,
    };
    let mut found = Entries {
        folders: Vec::new(),
        files: Vec::new(),
    };
    for entry in fs::read_dir(folder).map_err(error)? {
        let path = entry.map_err(error)?.path();
        match path.file_name().and_then(|name| name.to_str()) {
            Some(name) if is_junk(name) => {}
            Some(name) if name.contains(char::is_control) => left_out.push(LeftOut {
                reason: "its name holds control characters".into(),
                path,
            }),
            Some(name) => {
                let kind = if path.is_dir() {
                    &mut found.folders
                } else {
                    &mut found.files
                };
                kind.push(Entry {
                    name: name.to_owned(),
                    path,
                });
            }
            None => left_out.push(LeftOut {
                reason: "its name is not UTF-8; rename it, or unpack again with the archive's encoding".into(),
                path,
            }),
        }
    }
    found.folders.sort_by(|a, b| a.name.cmp(&b.name));
    found.files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// Whether a folder holds a file with an image's name; stops at the first.
pub(super) fn holds_images(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| image_file::is_image_name(&entry.path()) && !is_hidden(&entry.path()))
    })
}

/// The folder's folders that are not hidden, unsorted; none where it cannot be read.
pub(super) fn subfolders(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect::<Vec<_>>())
        .unwrap_or_default()
        .into_iter()
        .filter(|path| path.is_dir() && !is_hidden(path))
        .collect()
}

/// Whether one of the folder's folders holds images.
pub(super) fn holds_class_folders(folder: &Path) -> bool {
    subfolders(folder).iter().any(|class| holds_images(class))
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| is_junk(&name.to_string_lossy()))
}

fn is_junk(name: &str) -> bool {
    name.starts_with('.')
        || JUNK_NAMES.contains(&name.to_lowercase().as_str())
        || JUNK_NAMES.contains(&key(name).as_str())
}

impl Listing {
    /// Adds the class folders of `folder`. With `annotations`, `<annotations>/<class>/<name>.json` belongs to an
    /// image. A file that is no image by its name is left out.
    pub(super) fn add_class_folders(
        &mut self,
        folder: &Path,
        split: Split,
        annotations: Option<&Path>,
    ) -> Result<(), DataError> {
        let found = entries(folder, &mut self.left_out)?;
        self.leave_out(found.files, "it is in no class folder");
        for class in found
            .folders
            .into_iter()
            .filter(|class| Some(class.path.as_path()) != annotations)
        {
            let inside = entries(&class.path, &mut self.left_out)?;
            self.leave_out(inside.folders, "a folder inside a class folder is not read");
            let annotations = annotations.map(|annotations| annotations.join(&class.name));
            self.add_class(&class, split, inside.files, annotations.as_deref());
        }
        Ok(())
    }

    /// Adds one class's files.
    pub(super) fn add_class(&mut self, class: &Entry, split: Split, files: Vec<Entry>, annotations: Option<&Path>) {
        let before = self.candidates.len();
        for file in files {
            if image_file::is_image_name(&file.path) {
                self.candidates.push(Candidate {
                    split,
                    class: class.name.clone(),
                    annotation: annotations.map(|folder| annotation_of(folder, &file.path)),
                    image: file.path,
                });
            } else {
                self.leave_out(vec![file], "its name does not end as an image's does");
            }
        }
        if self.candidates.len() > before {
            if !self.folders.contains(&class.name) {
                self.folders.push(class.name.clone());
            }
        } else {
            self.leave_out(
                vec![Entry {
                    name: String::new(),
                    path: class.path.clone(),
                }],
                "the folder holds no image",
            );
        }
    }

    pub(super) fn leave_out(&mut self, entries: Vec<Entry>, reason: &str) {
        self.left_out.extend(entries.into_iter().map(|entry| LeftOut {
            path: entry.path,
            reason: reason.to_owned(),
        }));
    }
}

fn annotation_of(folder: &Path, image: &Path) -> PathBuf {
    let mut name = image.file_stem().unwrap_or_default().to_owned();
    name.push(".json");
    folder.join(name)
}

/// The text of a list that a layout stands on; none has more than a few megabytes.
pub(super) fn read_list(path: &Path) -> io::Result<String> {
    read_bounded(path, 64 << 20).map(text::decode)
}
