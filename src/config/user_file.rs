//! The user's own config file: how the screens look, in every project.

use std::path::PathBuf;

/// `$XDG_CONFIG_HOME/masp/config.yaml`, else `~/.config/masp/config.yaml`; nothing where no home folder is known. It need
/// not be there.
#[must_use]
pub fn user_file() -> Option<PathBuf> {
    located(|name| std::env::var_os(name).map(PathBuf::from))
}

fn located(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    // The specification has relative paths passed over.
    let named = |name: &str| variable(name).filter(|path| path.is_absolute());
    let folder = named("XDG_CONFIG_HOME").or_else(|| Some(named("HOME")?.join(".config")))?;
    Some(folder.join("masp/config.yaml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_beats_the_home_folder() {
        let at =
            |config: &str, home: &str| located(|name| Some(PathBuf::from(if name == "HOME" { home } else { config })));
        assert_eq!(at("/c", "/h"), Some("/c/masp/config.yaml".into()));
        assert_eq!(at("relative", "/h"), Some("/h/.config/masp/config.yaml".into()));
        assert_eq!(at("", ""), None);
    }
}
