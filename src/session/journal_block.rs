//! A journal's lines as they are read: many at once.

use std::io::{self, BufRead};

use rayon::prelude::*;

use super::record::Record;
use crate::bounded_file::read_line;

/// No line of a journal or of predictions is longer: an evaluation of a thousand classes takes 3 MB.
pub(super) const LONGEST_LINE: u64 = 16 << 20;

/// Complete lines, parsed on all cores: a user waits while a journal of a million lines is opened.
#[derive(Debug, Default)]
pub(super) struct Block {
    bytes: Vec<u8>,
    /// The end of each line in `bytes`.
    ends: Vec<usize>,
}

impl Block {
    /// A block takes no further line from so many bytes on.
    const SIZE: usize = 1 << 20;
    /// Fewer lines than this are parsed sooner by one core.
    const FEW: usize = 64;

    /// Reads the next complete lines; whether there may be more. After an error the lines before it are there.
    pub(super) fn fill(&mut self, reader: &mut impl BufRead) -> io::Result<bool> {
        self.bytes.clear();
        self.ends.clear();
        let mut line = Vec::new();
        while self.bytes.len() < Self::SIZE {
            read_line(reader, &mut line, LONGEST_LINE)?;
            if line.last() != Some(&b'\n') {
                return Ok(false);
            }
            self.bytes.extend_from_slice(&line);
            self.ends.push(self.bytes.len());
        }
        Ok(true)
    }

    /// Each with its end.
    pub(super) fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(&0).chain(&self.ends);
        starts.zip(&self.ends).map(|(&start, &end)| &self.bytes[start..end])
    }

    /// The lines' records, in order.
    pub(super) fn parse(&self) -> Vec<serde_json::Result<Record>> {
        if self.ends.len() < Self::FEW {
            return self.lines().map(serde_json::from_slice).collect();
        }
        let lines: Vec<&[u8]> = self.lines().collect();
        lines.into_par_iter().map(serde_json::from_slice).collect()
    }
}
