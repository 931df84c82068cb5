//! Paths from files, which must not lead out of their folder.

use std::path::{Component, Path, PathBuf};

/// The path that a file names, below `folder`. `None` for one that is absolute, climbs with `..`, names nothing or
/// holds control characters.
#[must_use]
pub fn inside(folder: &Path, named: &Path) -> Option<PathBuf> {
    let plain = |part: Component| matches!(part, Component::Normal(_) | Component::CurDir);
    let names = named.components().filter(|part| matches!(part, Component::Normal(_)));
    let control = named.as_os_str().as_encoded_bytes().iter().any(u8::is_ascii_control);
    (named.components().all(plain) && !control && names.clone().next().is_some())
        .then(|| folder.join(names.collect::<PathBuf>()))
}

/// As [`inside`], but no symbolic link on the way may lead out of `folder` either: for folders that another person
/// made. A file that is not there yet passes.
#[must_use]
pub fn inside_links_too(folder: &Path, named: &Path) -> Option<PathBuf> {
    let path = inside(folder, named)?;
    match (path.canonicalize(), folder.canonicalize()) {
        (Ok(resolved), Ok(folder)) if !resolved.starts_with(&folder) => None,
        _ => Some(path),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use proptest::prelude::*;

    use super::*;
    use crate::hostile;

    #[test]
    fn paths_that_lead_out_are_refused() {
        let root = Path::new("/data");
        for (written, path) in [("./image/a.jpg", "/data/image/a.jpg"), ("a/./b", "/data/a/b")] {
            assert_eq!(inside(root, Path::new(written)), Some(PathBuf::from(path)));
        }
        for outside in [
            "",
            ".",
            "/etc/passwd",
            "../a",
            "image/../../a",
            "a/..",
            "a\nb",
            "a\0b",
            "a\u{1b}",
        ] {
            assert_eq!(inside(root, Path::new(outside)), None, "{outside:?}");
        }
    }

    #[test]
    fn a_link_that_leads_out_is_refused_and_one_that_stays_is_not() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("session");
        fs::create_dir_all(folder.join("samples")).unwrap();
        fs::write(root.path().join("secret"), "x").unwrap();
        fs::write(folder.join("samples/a"), "x").unwrap();
        symlink(root.path(), folder.join("up")).unwrap();
        symlink("../secret", folder.join("out")).unwrap();
        symlink("samples", folder.join("looks")).unwrap();
        for (named, stays) in [
            ("samples/a", true),
            ("looks/a", true),
            ("samples/none", true),
            ("out", false),
            ("up/secret", false),
        ] {
            let found = inside_links_too(&folder, Path::new(named));
            assert_eq!(found.is_some(), stays, "{named}");
        }
    }

    proptest! {
        #![proptest_config(hostile::config())]

        /// Any path that is returned lies below the folder.
        #[test]
        fn no_path_leads_out(parts in prop::collection::vec(prop_oneof![
            Just("..".to_owned()), Just(".".to_owned()), Just(String::new()), Just("/".to_owned()), "(?s).{0,4}",
        ], 0..8)) {
            let folder = Path::new("/s/run");
            if let Some(path) = inside(folder, Path::new(&parts.join("/"))) {
                prop_assert!(path.starts_with(folder) && path != folder);
                prop_assert!(path.components().all(|part| part != Component::ParentDir));
            }
        }
    }
}
