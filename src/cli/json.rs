//! `--json`: documents on standard output, which may be a terminal.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Serializer, ser::Formatter};

use crate::printable::commands_terminal;

/// Writes a document as one line of JSON. Characters that a terminal would obey are written as JSON escapes, which every
/// JSON reader decodes: `serde_json` itself does not escape the upper control range and direction overrides.
///
/// # Errors
/// A closed output.
pub fn write_line(out: &mut impl Write, document: &impl Serialize) -> io::Result<()> {
    document.serialize(&mut Serializer::with_formatter(&mut *out, EscapingFormatter))?;
    writeln!(out)
}

struct EscapingFormatter;

impl Formatter for EscapingFormatter {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        for piece in fragment.split_inclusive(commands_terminal) {
            let end = piece.chars().next_back().filter(|&c| commands_terminal(c));
            let text = piece.strip_suffix(|c| Some(c) == end).unwrap_or(piece);
            writer.write_all(text.as_bytes())?;
            if let Some(c) = end {
                write!(writer, "\\u{:04x}", u32::from(c))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{hostile::TEXTS, printable::printable};

    #[test]
    fn escaped_text_is_safe_to_print_and_parses_back() {
        for text in TEXTS.into_iter().chain(["", "é\u{9b}", "\u{9b}\u{9b}é"]) {
            let document = serde_json::json!({ text: [text, 1.5, null] });
            let mut line = Vec::new();
            write_line(&mut line, &document).unwrap();
            let line = String::from_utf8(line).unwrap();
            let shown = line.trim_end();
            assert_eq!(printable(shown), shown);
            assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), document);
        }
    }
}
