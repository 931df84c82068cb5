//! Text from files and models, made fit for a terminal.

use std::borrow::Cow;
use std::path::Path;

/// The text without control characters (escape sequences, line ends, tabs, bidirectional overrides):
/// each becomes U+FFFD, so that a file's name or a model's answer cannot command the terminal.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().any(commands_terminal) {
        let fit = |c| {
            if commands_terminal(c) {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        };
        Cow::Owned(text.chars().map(fit).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// The same for a path.
#[must_use]
pub fn printable_path(path: &Path) -> String {
    printable(&path.to_string_lossy()).into_owned()
}

/// Whether a terminal would obey the character, or turn its text around.
#[must_use]
pub fn commands_terminal(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn escape_sequences_are_made_printable_and_letters_stay() {
        assert_eq!(
            printable("\u{1b}[2Jx\n\u{9b}y\u{202e}z"),
            "\u{fffd}[2Jx\u{fffd}\u{fffd}y\u{fffd}z"
        );
        assert_eq!(printable("기쁨 été 🙂"), "기쁨 été 🙂");
    }
}
