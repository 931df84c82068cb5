//! Names that are the same to a person: other case, blanks, Unicode form, `%20` for a blank, `\` for `/`.

use std::{
    borrow::Cow,
    collections::HashMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use rayon::prelude::*;
use tokenizers::NormalizedString;

use super::candidates::Listing;
use crate::{inside::inside, printable::printable};

/// What names have in common that are the same to a person: lower case, composed characters, no outer or double
/// blanks, `%20` decoded, no invisible marks.
pub(super) fn key(name: &str) -> String {
    let name = percent_decoded(name);
    let composed = if name.is_ascii() {
        name
    } else {
        let mut composed = NormalizedString::from(name.as_ref());
        composed.nfc();
        Cow::Owned(composed.get().replace(['\u{feff}', '\u{200b}'], ""))
    };
    let words: Vec<&str> = composed.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

/// `%` and two hexadecimal digits as the byte that they stand for, where the whole then is UTF-8.
fn percent_decoded(name: &str) -> Cow<'_, str> {
    if !name.contains('%') {
        return Cow::Borrowed(name);
    }
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let encoded = digits.filter(|digits| byte == b'%' && digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match encoded.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(name), Cow::Owned)
}

/// The first of these names that the folder has, as it is written, else the one entry that means one of them; where
/// there is none, the first name's path.
pub(super) fn child(folder: &Path, names: &[&str]) -> PathBuf {
    let mut exact = names.iter().map(|name| folder.join(name));
    if let Some(path) = exact.find(|path| path.exists()) {
        return path;
    }
    let meant: Vec<String> = names.iter().map(|name| key(name)).collect();
    let means_one = |entry: &OsString| {
        let entry = entry.to_str();
        entry.is_some_and(|entry| !entry.starts_with('.') && meant.contains(&key(entry)))
    };
    let mut like: Vec<OsString> = file_names(folder).filter(means_one).collect();
    match (like.pop(), like.pop()) {
        (Some(one), None) => folder.join(one),
        _ => folder.join(names.first().copied().unwrap_or_default()),
    }
}

fn file_names(folder: &Path) -> impl Iterator<Item = OsString> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name())
}

/// The path that a list names, below `root`: with `/` or `\`, perhaps with blanks or quotes around it. `None` for one
/// that leads out.
pub(super) fn written(root: &Path, path: &str) -> Option<PathBuf> {
    let named = inside(root, Path::new(path));
    let marks = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\u{feff}' | '\0');
    let plain = path.trim_matches(marks).replace('\\', "/");
    if plain == path || named.as_ref().is_some_and(|path| path.exists()) {
        return named;
    }
    let of_a_drive = plain.as_bytes().get(1..3) == Some(b":/");
    inside(root, Path::new(&plain)).filter(|_| !of_a_drive)
}

/// Finds files by paths that are written a little otherwise; each folder is read once.
#[derive(Default)]
struct Finder {
    /// The entries of a folder by their key; `None` where several have it.
    folders: HashMap<PathBuf, HashMap<String, Option<OsString>>>,
}

impl Finder {
    /// The one file or folder that the path means.
    fn find(&mut self, root: &Path, path: &Path) -> Option<PathBuf> {
        let mut found = root.to_owned();
        for part in path.strip_prefix(root).ok()?.components() {
            let exact = found.join(part);
            if exact.exists() {
                found = exact;
                continue;
            }
            let entries = self.folders.entry(found.clone()).or_insert_with_key(|folder| {
                let mut entries = HashMap::new();
                for name in file_names(folder) {
                    let of = key(&name.to_string_lossy());
                    let one = name.to_str().is_some_and(|name| !name.contains(char::is_control));
                    entries
                        .entry(of)
                        .and_modify(|entry| *entry = None)
                        .or_insert(one.then_some(name));
                }
                entries
            });
            found.push(entries.get(&key(part.as_os_str().to_str()?))?.as_ref()?);
        }
        Some(found)
    }
}

/// Corrects paths in the listing that lead to no file but match exactly one up to such differences; adds a warning.
pub(super) fn correct_paths(root: &Path, listing: &mut Listing) {
    let missing: Vec<[bool; 2]> = listing
        .candidates
        .par_iter()
        .map(|candidate| {
            let annotation = candidate.annotation.as_ref();
            [!candidate.image.exists(), annotation.is_some_and(|path| !path.exists())]
        })
        .collect();
    let mut finder = Finder::default();
    let mut corrected = 0_usize;
    let mut first = None;
    for (candidate, missing) in listing.candidates.iter_mut().zip(missing) {
        let paths = [Some(&mut candidate.image), candidate.annotation.as_mut()];
        for path in paths
            .into_iter()
            .zip(missing)
            .filter_map(|(path, missing)| path.filter(|_| missing))
        {
            if let Some(found) = finder.find(root, path) {
                corrected += 1;
                let below =
                    |path: &Path| printable(&path.strip_prefix(root).unwrap_or(path).to_string_lossy()).into_owned();
                first.get_or_insert_with(|| format!("`{}` is read as `{}`", below(path), below(&found)));
                *path = found;
            }
        }
    }
    if let Some(first) = first {
        listing.warnings.push(format!(
            "{corrected} path(s) differ from the files' names by case, blanks or encoding alone (the first: {first})."
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equivalent_names_have_one_key() {
        for (a, b) in [
            ("joy", "Joy"),
            ("fear", " fear "),
            ("very happy", "very%20happy"),
            ("very happy", "Very\u{a0} happy"),
            ("caf\u{e9}", "Cafe\u{301}"),
            ("\u{feff}awe", "awe"),
        ] {
            assert_eq!(key(a), key(b), "{a} {b}");
        }
        for (a, b) in [
            ("1", "-1"),
            ("sad", "sadness"),
            ("a_b", "ab"),
            ("100%", "100"),
            ("%zz", "zz"),
            ("%e9", "e9"),
        ] {
            assert_ne!(key(a), key(b), "{a} {b}");
        }
    }

    #[test]
    fn a_child_is_found_by_its_name_or_an_equivalent_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        assert_eq!(child(folder.path(), &["Images"]), path("Images"));
        fs::create_dir(path("images ")).unwrap();
        assert_eq!(child(folder.path(), &["Images"]), path("images "));
        fs::create_dir(path("IMAGES")).unwrap();
        assert_eq!(child(folder.path(), &["Images"]), path("Images"), "two may be meant");
        fs::create_dir(path("Images")).unwrap();
        assert_eq!(child(folder.path(), &["Images"]), path("Images"));
    }

    #[test]
    fn paths_in_files_stay_inside_the_dataset() {
        let root = Path::new("/none/such");
        for (path, found) in [
            (r"image\awe\a.jpg", Some("image/awe/a.jpg")),
            (" image/awe/a.jpg\r", Some("image/awe/a.jpg")),
            ("'a.jpg'", Some("a.jpg")),
            (r"..\a.jpg", None),
            (r"C:\data\a.jpg", None),
            (r"\\host\a.jpg", None),
            ("", None),
        ] {
            assert_eq!(written(root, path), found.map(|found| root.join(found)), "{path:?}");
        }
    }
}
