//! Paths in settings: what they are relative to.

use std::path::Path;

/// A path that a config file names, relative to that file's folder; `~/` is the home folder.
pub(super) fn from_file(folder: &Path, path: &str) -> String {
    let path = from_home(path);
    let beside = folder == Path::new("") || folder == Path::new(".");
    if beside || Path::new(&path).is_absolute() {
        path
    } else {
        folder.join(path).to_string_lossy().into_owned()
    }
}

/// A model that a config file names: a path if it looks like one or is there, else a hub id, which stays as it is.
pub(super) fn model_from_file(folder: &Path, model: &str) -> String {
    let path = from_file(folder, model);
    let looks_like_path = model.starts_with(['.', '/', '~']) || Path::new(&path).exists();
    if looks_like_path { path } else { model.to_owned() }
}

/// `~/` is the home folder: no shell has seen what stands in a file or after `--set KEY=`.
pub(super) fn from_home(path: &str) -> String {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest).to_string_lossy().into_owned(),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_relative_to_the_file_that_names_it() {
        assert_eq!(
            from_file(Path::new("/etc/masp"), "data/emoset"),
            "/etc/masp/data/emoset"
        );
        assert_eq!(from_file(Path::new("/etc/masp"), "/data/emoset"), "/data/emoset");
        assert_eq!(from_file(Path::new("."), "./sessions"), "./sessions");
    }

    #[test]
    fn a_hub_id_is_no_path() {
        assert_eq!(
            model_from_file(Path::new("/etc"), "Qwen/Qwen2-VL-2B-Instruct"),
            "Qwen/Qwen2-VL-2B-Instruct"
        );
        assert_eq!(model_from_file(Path::new("/etc"), "./model"), "/etc/./model");
    }
}
