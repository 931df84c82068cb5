//! Prints lines on standard error.

use std::fmt::Display;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use crate::operating_system::{Watched, wait};

/// A pipe that is ready for writing accepts this many bytes without blocking.
const ONE_PIECE: usize = 4096;

/// Prints a line and ignores errors, where `eprintln` would panic: a closed terminal or pipe must not end the program.
pub fn say(line: impl Display) {
    drop(writeln!(io::stderr(), "{line}"));
}

/// Prints lines that may be left out if nobody reads them.
#[derive(Debug, Default)]
pub struct LossyLines {
    left_out: u64,
}

impl LossyLines {
    /// Prints a line, unless that would block: on a full pipe or a stopped terminal. The next line says how many were left out.
    pub fn say(&mut self, line: &str) {
        if !takes_more(&io::stderr()) {
            self.left_out += 1;
            return;
        }
        let mut text = match std::mem::take(&mut self.left_out) {
            0 => String::new(),
            left_out => format!("({left_out} lines were left out because nobody read them)\n"),
        };
        text.push_str(line);
        let mut end = text.len().min(ONE_PIECE - 1);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('\n');
        // A reader that closed the pipe wants no more lines.
        drop(io::stderr().write_all(text.as_bytes()));
    }
}

/// Whether a write of [`ONE_PIECE`] would not block. True for a closed file too: its error comes at once.
fn takes_more(file: &impl AsFd) -> bool {
    let mut watched = [Watched::for_room(file)];
    // If that cannot be asked, assume that the write would not block.
    wait(&mut watched, Some(Duration::ZERO)).map_or(true, |()| watched[0].would_not_wait())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_full_pipe_is_not_written_to_and_a_closed_one_reports_an_error() {
        let (mut reader, mut writer) = io::pipe().unwrap();
        let mut pieces = 0;
        while takes_more(&writer) {
            writer.write_all(&[b'x'; ONE_PIECE]).unwrap();
            pieces += 1;
        }
        assert!(pieces > 0);
        reader.read_exact(&mut vec![0; pieces * ONE_PIECE]).unwrap();
        assert!(takes_more(&writer));
        drop(reader);
        assert!(takes_more(&writer));
    }
}
