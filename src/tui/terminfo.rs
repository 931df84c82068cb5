//! Reads a few of a terminal's abilities from its compiled entry in the system's terminal database, see term(5).

use std::path::{Path, PathBuf};

use crate::bounded_file::read_bounded;

/// Entries are a few kilobytes long.
const MOST_BYTES: u64 = 64 << 10;
/// The folders where systems keep the database.
const FOLDERS: [&str; 5] = [
    "/etc/terminfo",
    "/lib/terminfo",
    "/usr/share/terminfo",
    "/usr/lib/terminfo",
    "/usr/local/share/terminfo",
];
/// Indices of numbers and strings in an entry.
const COLORS: usize = 13;
const CURSOR_ADDRESS: usize = 10;
const ENTER_CA_MODE: usize = 28;
const KEY_MOUSE: usize = 355;

/// The abilities that an entry lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminfo {
    /// The number of colours; `None`: it has none.
    pub colors: Option<u32>,
    /// Whether its cursor can be positioned anywhere.
    pub cursor_address: bool,
    /// Whether it has an alternate screen.
    pub alternate: bool,
    /// Whether it reports the mouse.
    pub mouse: bool,
}

impl Terminfo {
    /// The entry of a terminal; `None` if there is none.
    #[must_use]
    pub fn find(terminal: &str, variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let first = terminal.chars().next().filter(|first| first.is_ascii_alphanumeric())?;
        if terminal.contains('/') {
            return None;
        }
        let places = [first.to_string(), format!("{:x}", u32::from(first))];
        folders(variable).into_iter().find_map(|folder| {
            let entry = |place: &String| read_bounded(&folder.join(place).join(terminal), MOST_BYTES).ok();
            Self::read(&places.iter().find_map(entry)?)
        })
    }

    /// Reads a compiled entry.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let short = |at: usize| Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
        let wide = match short(0)? {
            0o432 => 2,
            0o1036 => 4,
            _ => return None,
        };
        let size = |place: usize| short(2 * place).map(usize::from);
        let [names, bools, numbers, strings] = [size(1)?, size(2)?, size(3)?, size(4)?];
        // Numbers begin at an even offset.
        let first_number = (12 + names + bools).next_multiple_of(2);
        let first_string = first_number + numbers * wide;
        let number = |place: usize| {
            let at = first_number + place * wide;
            let value = if wide == 2 {
                i32::from(short(at)?.cast_signed())
            } else {
                i32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?)
            };
            u32::try_from(value).ok().filter(|_| place < numbers)
        };
        // A missing string has offset -1, a cancelled one -2.
        let string =
            |place: usize| place < strings && short(first_string + 2 * place).is_some_and(|at| at.cast_signed() >= 0);
        bytes.get(..first_string + 2 * strings)?;
        Some(Self {
            colors: number(COLORS),
            cursor_address: string(CURSOR_ADDRESS),
            alternate: string(ENTER_CA_MODE),
            mouse: string(KEY_MOUSE),
        })
    }
}

/// The folders of databases, the user's own first.
fn folders(variable: impl Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    let own = variable("TERMINFO").map(PathBuf::from);
    let home = variable("HOME").map(|home| Path::new(&home).join(".terminfo"));
    let named = variable("TERMINFO_DIRS").unwrap_or_default();
    let named = named.split(':').filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let all = own.into_iter().chain(home).chain(named);
    all.chain(FOLDERS.map(PathBuf::from)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hostile::{changed, config};

    /// A compiled entry, with numbers of 16 or 32 bits.
    fn entry(colors: Option<u32>, strings: &[usize], wide: bool) -> Vec<u8> {
        let names = b"made-up\0";
        let shorts = [
            if wide { 0o1036 } else { 0o432 },
            names.len(),
            1,
            COLORS + 1,
            KEY_MOUSE + 1,
            4,
        ];
        let mut bytes: Vec<u8> = shorts.iter().flat_map(|&n| (n as u16).to_le_bytes()).collect();
        bytes.extend(names);
        // One boolean that is true, and a padding byte.
        bytes.extend([1, 0]);
        for place in 0..=COLORS {
            let value = colors.filter(|_| place == COLORS).map_or(-1, |colors| colors as i32);
            if wide {
                bytes.extend(value.to_le_bytes());
            } else {
                bytes.extend((value as i16).to_le_bytes());
            }
        }
        for place in 0..=KEY_MOUSE {
            let value: i16 = if strings.contains(&place) { 0 } else { -1 };
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend(b"\x1b[M\0");
        bytes
    }

    #[test]
    fn an_entry_says_what_the_terminal_can() {
        for wide in [false, true] {
            let all = entry(Some(256), &[CURSOR_ADDRESS, ENTER_CA_MODE, KEY_MOUSE], wide);
            let can = Terminfo {
                colors: Some(256),
                cursor_address: true,
                alternate: true,
                mouse: true,
            };
            assert_eq!(Terminfo::read(&all), Some(can));
            let few = Terminfo {
                colors: None,
                alternate: false,
                mouse: false,
                ..can
            };
            assert_eq!(Terminfo::read(&entry(None, &[CURSOR_ADDRESS], wide)), Some(few));
        }
    }

    #[test]
    fn truncated_or_invalid_entries_are_ignored() {
        let whole = entry(Some(8), &[CURSOR_ADDRESS], false);
        for cut in 0..whole.len() - 4 {
            assert_eq!(Terminfo::read(&whole[..cut]), None, "{cut}");
        }
        assert_eq!(Terminfo::read(b"#!/bin/sh\nexit 1\n"), None);
        assert_eq!(Terminfo::read(&[0xff; 400]), None);
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn an_entry_is_not_read_beyond_its_end(bytes in changed(vec![
            entry(Some(256), &[CURSOR_ADDRESS, ENTER_CA_MODE, KEY_MOUSE], false),
            entry(None, &[CURSOR_ADDRESS], true),
        ])) {
            let _ = Terminfo::read(&bytes);
        }
    }

    #[test]
    fn an_entry_is_found_in_the_folder_of_its_first_letter() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("6d");
        std::fs::create_dir(&place).unwrap();
        std::fs::write(place.join("made-up"), entry(Some(16), &[CURSOR_ADDRESS], false)).unwrap();
        let variable = |name: &str| (name == "TERMINFO").then(|| folder.path().display().to_string());
        let found = Terminfo::find("made-up", variable);
        assert_eq!(found.and_then(|found| found.colors), Some(16));
        for none in ["", "../made-up", "m/made-up", "made-up-too", "é"] {
            assert_eq!(Terminfo::find(none, variable), None, "{none}");
        }
    }
}
