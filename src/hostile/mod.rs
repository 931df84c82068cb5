//! What the tests against hostile input share: valid files with changed bytes, a measure of the memory that reading
//! them takes, and a check of error messages.
//!
//! The seed is fixed, so that each run tries the same; `PROPTEST_CASES=100000 cargo test hostile` tries more.

mod memory;
mod wild;

use std::path::Path;
use std::process::Command;

use proptest::{prelude::*, sample::Index, test_runner::RngSeed};

pub use memory::measured;
pub use wild::{Wild, wild};

use crate::printable::printable;

/// The same cases in each run, and no files beside the tests.
pub fn config() -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(3407),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Makes a named pipe, by the tool: rustix has no call for it on macOS.
///
/// # Panics
/// If the tool is missing or fails.
pub fn make_pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.is_ok_and(|status| status.success()), "mkfifo {}", path.display());
}

/// Whether text may go to a terminal as it is, and is short enough to be read there.
pub fn is_sentence(text: &str) -> bool {
    printable(text) == text && !text.is_empty() && text.len() < 4000
}

/// Text that would control a terminal, or whose width differs from its number of characters: escape sequences, both
/// control ranges, direction overrides, wide, combining, joined and zero-width characters, line ends.
pub const TEXTS: [&str; 10] = [
    "\x1b[2J\x1b]0;title\x07\x1b[31m",
    "\u{9b}31m\u{90}q\u{9c}\u{85}",
    "\u{202e}evil\u{2066}x\u{2069}\u{200f}",
    "喜び怒り哀れみ",
    "e\u{301}\u{302}\u{303}\u{20dd}a\u{489}",
    "אבג עברית",
    "👩\u{200d}👩\u{200d}👧🏽🇩🇪",
    "\u{200b}\u{feff}\u{ad}\u{2060}",
    "a\r\nb\tc\u{2028}d\0e\x7f",
    "\u{fffd}\u{fdfd}𒐫\u{3164}\u{1f3fb}",
];

/// Pieces on which parsers fail.
const PIECES: [&[u8]; 22] = [
    b"{",
    b"[",
    b"\"",
    b"\\u0000",
    b": ",
    b"&a ",
    b"*a",
    b"<<: *a",
    b"null",
    b"NaN",
    b"1e999",
    b"-1",
    b"18446744073709551615",
    b"0.5",
    b"../",
    b"/etc/passwd",
    b"\x1b[2J",
    b"\xff\xfe\x00",
    b"\x00\x00\x00\x00\x00\x00\x00\x00",
    b"\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\n",
    b"\xe2\x80\xae",
];

#[derive(Debug, Clone)]
enum Change {
    /// Bits of one byte.
    Flip(Index, u8),
    Cut(Index, usize),
    /// A piece occurs twice.
    Double(Index, usize),
    Insert(Index, Vec<u8>),
    /// Takes the place of as many bytes.
    Overwrite(Index, Vec<u8>),
    /// A piece of another file.
    Splice(Index, Index, Index, usize),
}

/// One of `files` with some bytes flipped, cut out, doubled, put in, or taken from another of them.
pub fn changed(files: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let piece = || {
        prop_oneof![
            prop::sample::select(PIECES.to_vec()).prop_map(<[u8]>::to_vec),
            prop::sample::select(TEXTS.to_vec()).prop_map(|text| text.as_bytes().to_vec()),
            prop::collection::vec(any::<u8>(), 1..9),
        ]
    };
    let at = any::<Index>;
    let length = 1_usize..80;
    let change = prop_oneof![
        3 => (at(), 1_u8..).prop_map(|(at, bits)| Change::Flip(at, bits)),
        2 => (at(), length.clone()).prop_map(|(at, length)| Change::Cut(at, length)),
        1 => (at(), length.clone()).prop_map(|(at, length)| Change::Double(at, length)),
        3 => (at(), piece()).prop_map(|(at, piece)| Change::Insert(at, piece)),
        3 => (at(), piece()).prop_map(|(at, piece)| Change::Overwrite(at, piece)),
        1 => (at(), at(), at(), length).prop_map(|(at, file, from, length)| Change::Splice(at, file, from, length)),
    ];
    (at(), prop::collection::vec(change, 1..6)).prop_map(move |(file, changes)| {
        let mut bytes = file.get(&files).clone();
        for change in changes {
            apply(change, &mut bytes, &files);
        }
        bytes
    })
}

fn apply(change: Change, bytes: &mut Vec<u8>, files: &[Vec<u8>]) {
    if bytes.is_empty() {
        return;
    }
    let range = |at: Index, length: usize, of: usize| {
        let at = at.index(of);
        at..(at + length).min(of)
    };
    let all = bytes.len();
    match change {
        Change::Flip(at, bits) => bytes[at.index(all)] ^= bits,
        Change::Cut(at, length) => drop(bytes.drain(range(at, length, all))),
        Change::Double(at, length) => {
            let range = range(at, length, all);
            let piece = bytes[range.clone()].to_vec();
            bytes.splice(range.end..range.end, piece);
        }
        Change::Insert(at, piece) => {
            let at = at.index(all + 1);
            bytes.splice(at..at, piece);
        }
        Change::Overwrite(at, piece) => drop(bytes.splice(range(at, piece.len(), all), piece)),
        Change::Splice(at, file, from, length) => {
            let other = file.get(files);
            if !other.is_empty() {
                let at = at.index(all + 1);
                bytes.splice(at..at, other[range(from, length, other.len())].iter().copied());
            }
        }
    }
}
