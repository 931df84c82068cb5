//! Text from outside, made safe for a terminal.

use std::path::Path;

/// The path for a message: control characters (which could move a terminal's cursor) become `�`.
pub(crate) fn printable(path: &Path) -> String {
    printable_text(&path.to_string_lossy())
}

/// The same for any text.
pub(crate) fn printable_text(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_pass() {
        assert_eq!(
            printable(Path::new("a\u{1b}[2Jb\n")),
            "a\u{fffd}[2Jb\u{fffd}"
        );
        assert_eq!(printable(Path::new("é 好.png")), "é 好.png");
    }
}
