//! Recognises what downloads may leave instead of a file: a pointer of Git LFS, or a page of the hub's website.

use std::{fmt, io::Read, path::Path};

use crate::bounded_file::open_regular;

/// A file that is not what its name promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placeholder {
    LfsPointer,
    WebPage,
}

impl Placeholder {
    /// Recognises a placeholder by a file's first bytes.
    #[must_use]
    pub fn of(begin: &[u8]) -> Option<Self> {
        let begin = begin.trim_ascii_start();
        let begins = |text: &str| {
            begin
                .get(..text.len())
                .is_some_and(|found| found.eq_ignore_ascii_case(text.as_bytes()))
        };
        if begins("version https://git-lfs") {
            Some(Self::LfsPointer)
        } else if begins("<!doctype html") || begins("<html") {
            Some(Self::WebPage)
        } else {
            None
        }
    }

    /// Recognises a placeholder by the beginning of the file at `path`; `None` also if the file cannot be read.
    #[must_use]
    pub fn at(path: &Path) -> Option<Self> {
        let mut begin = Vec::new();
        let file = open_regular(path).ok()?;
        file.take(256).read_to_end(&mut begin).ok()?;
        Self::of(&begin)
    }
}

/// Completes the sentence "FILE is ...": what the file is, and what to do.
impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LfsPointer => {
                "a pointer of Git LFS, not the file itself; run `git lfs pull` in its folder, or give the hub id as the model"
            }
            Self::WebPage => {
                "a web page, not the file itself; download the file (its address has /resolve/ where the page's has /blob/)"
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Placeholder;

    #[test]
    fn pointers_and_web_pages_are_recognised() {
        for (begin, found) in [
            (
                "version https://git-lfs.github.com/spec/v1\noid",
                Some(Placeholder::LfsPointer),
            ),
            ("\n<!DOCTYPE HTML><head>", Some(Placeholder::WebPage)),
            ("{\"version\": \"1.0\"}", None),
            ("", None),
        ] {
            assert_eq!(Placeholder::of(begin.as_bytes()), found, "{begin}");
        }
    }
}
