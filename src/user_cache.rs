//! The user's cache: what the program keeps there can be made again.

use std::path::PathBuf;

/// The program's folder in the user's cache, or otherwise among the temporary files.
#[must_use]
pub fn folder() -> PathBuf {
    let named = |key: &str| {
        std::env::var_os(key)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    named("XDG_CACHE_HOME")
        .or_else(|| named("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("masp")
}
