//! The user's note on a session.

use std::{
    fs,
    io::{self, Read},
};

use super::folder::{FolderError, SessionFolder, failed};
use crate::{atomic_file::write_bytes_atomically, bounded_file::open_regular};

const NOTE: &str = "note.txt";
/// In bytes.
const LONGEST_NOTE: u64 = 4096;

impl SessionFolder {
    /// The user's note on the session; empty where there is none or it cannot be read.
    #[must_use]
    pub fn note(&self) -> String {
        let file = open_regular(&self.path().join(NOTE));
        let mut text = String::new();
        let read = file.and_then(|file| file.take(LONGEST_NOTE).read_to_string(&mut text));
        if read.is_ok() {
            text.trim().to_owned()
        } else {
            String::new()
        }
    }

    /// Writes the user's note on the session; an empty text removes the note.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn set_note(&self, text: &str) -> Result<(), FolderError> {
        let path = self.path().join(NOTE);
        let written = if text.trim().is_empty() {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        } else {
            write_bytes_atomically(&path, format!("{}\n", text.trim()).as_bytes())
        };
        written.map_err(|source| failed("write", &path, source))
    }
}
