//! `session:` — where runs are kept.

use std::path::PathBuf;

use super::section::section;

section! {
    SessionSettings {
        /// The folder of all sessions.
        root: PathBuf = PathBuf::from("./sessions"), Path;
        /// This session's name; `None`: made from the date.
        name: Option<String> = None, Text;
    }
}
