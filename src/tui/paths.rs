//! Completes the path of a file or folder that is being typed.

use std::{fs, path::Path};

use super::common_prefix::common_prefix;

/// The most entries of a folder that are looked at, so that a key is answered at once.
const MOST: usize = 10_000;

/// The path, completed as far as all entries of its folder agree that begin so; a folder gets its `/`. `None` where that
/// adds nothing. Hidden entries count if their dot was typed.
#[must_use]
pub fn completed(typed: &str) -> Option<String> {
    let (folder, begun) = typed.rsplit_once('/').map_or((".", typed), |(folder, begun)| {
        (if folder.is_empty() { "/" } else { folder }, begun)
    });
    let names = fs::read_dir(folder).ok()?.take(MOST).filter_map(|entry| {
        let name = entry.ok()?.file_name().into_string().ok()?;
        let hidden = name.starts_with('.') && !begun.starts_with('.');
        (name.starts_with(begun) && !hidden).then_some(name)
    });
    let names: Vec<String> = names.collect();
    let mut shared = common_prefix(names.iter().map(String::as_str))?.to_owned();
    if names.len() == 1 && Path::new(folder).join(&shared).is_dir() {
        shared.push('/');
    }
    (shared.len() > begun.len()).then(|| format!("{}{shared}", &typed[..typed.len() - begun.len()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_completed_to_what_all_share() {
        let root = tempfile::tempdir().unwrap();
        for name in ["emoset-a", "emoset-b", ".hidden", "über"] {
            fs::create_dir(root.path().join(name)).unwrap();
        }
        fs::write(root.path().join("emotion.txt"), "").unwrap();
        let at = |end: &str| completed(&format!("{}/{end}", root.path().display()));
        let whole = |end: &str| Some(format!("{}/{end}", root.path().display()));
        assert_eq!(at("e"), whole("emo"));
        assert_eq!(at("emos"), whole("emoset-"));
        assert_eq!(at("emot"), whole("emotion.txt"));
        assert_eq!(at("emoset-a"), whole("emoset-a/"));
        assert_eq!(at("emoset-a/"), None);
        assert_eq!(at("ü"), whole("über/"));
        assert_eq!(at("."), whole(".hidden/"));
        assert_eq!(at("none"), None);
        assert_eq!(completed("no such folder/x"), None);
    }
}
