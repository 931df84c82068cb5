//! Files that exist are replaced only if the user wants that.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use crate::printable::printable_path;

/// Why an export would replace a file and does not.
#[derive(Debug, thiserror::Error)]
pub enum Kept {
    #[error("{} exists; --force replaces it, or name another file", printable_path(.0))]
    Exists(PathBuf),
    #[error("nothing was written")]
    Declined,
}

/// Asks for each regular file that exists whether it may be replaced, if there is a terminal to ask on.
///
/// # Errors
/// There is a file, and nobody to ask, or the answer is no.
pub(super) fn may_replace(files: &[PathBuf], force: bool, ask: impl Fn(&Path) -> Result<(), Kept>) -> Result<(), Kept> {
    let is_file = |file: &&PathBuf| file.symlink_metadata().is_ok_and(|found| found.is_file());
    files
        .iter()
        .filter(is_file)
        .filter(|_| !force)
        .try_for_each(|file| ask(file))
}

/// The question of [`may_replace`].
pub(super) fn ask_on_terminal(file: &Path) -> Result<(), Kept> {
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(Kept::Exists(file.to_owned()));
    }
    let mut answer = String::new();
    let question = format!("{} exists; replace it? [y/N] ", printable_path(file));
    let read = write!(io::stderr(), "{question}").and_then(|()| io::stdin().read_line(&mut answer));
    match read {
        Ok(_) if ["y", "yes"].contains(&answer.trim().to_lowercase().as_str()) => Ok(()),
        Ok(_) => Err(Kept::Declined),
        Err(_) => Err(Kept::Exists(file.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_exist_are_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old.csv"), folder.path().join("new.csv"));
        std::fs::write(&old, "kept").unwrap();
        let refuse = |file: &Path| Err(Kept::Exists(file.to_owned()));
        let both = [new.clone(), old.clone()];
        let said = may_replace(&both, false, refuse).unwrap_err().to_string();
        assert!(said.contains("old.csv exists; --force"), "{said}");
        assert!(may_replace(&both, true, refuse).is_ok());
        assert!(may_replace(&both, false, |_| Ok(())).is_ok());
        assert!(may_replace(&[new, folder.path().to_owned()], false, refuse).is_ok());
    }
}
