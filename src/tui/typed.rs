//! Decodes keys from a terminal's bytes that were read before crossterm started reading.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// The keys in `bytes`. Other sequences (a report, a mouse movement) are skipped.
#[must_use]
pub fn keys(bytes: &[u8]) -> Vec<KeyEvent> {
    let text = String::from_utf8_lossy(bytes);
    let mut keys = Vec::new();
    let mut rest = text.as_ref();
    while let Some(first) = rest.chars().next() {
        let sequence = rest.strip_prefix("\x1b[").or_else(|| rest.strip_prefix("\x1bO"));
        let Some(sequence) = sequence.filter(|sequence| !sequence.is_empty()) else {
            keys.push(plain(first));
            rest = &rest[first.len_utf8()..];
            continue;
        };
        let end = sequence
            .find(|c: char| ('\x40'..='\x7e').contains(&c))
            .map_or(sequence.len(), |end| end + 1);
        let (body, after) = sequence.split_at(end);
        keys.extend(named(body).map(|code| KeyEvent::new(code, KeyModifiers::NONE)));
        rest = after;
    }
    keys
}

fn plain(c: char) -> KeyEvent {
    let none = KeyModifiers::NONE;
    match c {
        '\r' => KeyEvent::new(KeyCode::Enter, none),
        '\t' => KeyEvent::new(KeyCode::Tab, none),
        '\x1b' => KeyEvent::new(KeyCode::Esc, none),
        '\x7f' | '\x08' => KeyEvent::new(KeyCode::Backspace, none),
        '\x01'..='\x1a' => KeyEvent::new(KeyCode::Char((c as u8 + b'a' - 1).into()), KeyModifiers::CONTROL),
        c if c.is_uppercase() => KeyEvent::new(KeyCode::Char(c), KeyModifiers::SHIFT),
        c => KeyEvent::new(KeyCode::Char(c), none),
    }
}

fn named(body: &str) -> Option<KeyCode> {
    Some(match body {
        "A" => KeyCode::Up,
        "B" => KeyCode::Down,
        "C" => KeyCode::Right,
        "D" => KeyCode::Left,
        "H" | "1~" | "7~" => KeyCode::Home,
        "F" | "4~" | "8~" => KeyCode::End,
        "5~" => KeyCode::PageUp,
        "6~" => KeyCode::PageDown,
        "3~" => KeyCode::Delete,
        "Z" => KeyCode::BackTab,
        "P" | "11~" => KeyCode::F(1),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_events_equal_those_of_crossterm() {
        let codes = |bytes: &[u8]| keys(bytes).into_iter().map(|key| key.code).collect::<Vec<_>>();
        assert_eq!(
            codes(b"a\r\t\x7f\x1b[A\x1bOB\x1b[5~\x1bOP\x1b[Z"),
            [
                KeyCode::Char('a'),
                KeyCode::Enter,
                KeyCode::Tab,
                KeyCode::Backspace,
                KeyCode::Up,
                KeyCode::Down,
                KeyCode::PageUp,
                KeyCode::F(1),
                KeyCode::BackTab
            ]
        );
        assert_eq!(
            keys("\x03N喜\x1b".as_bytes()),
            [
                KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL),
                KeyEvent::new(KeyCode::Char('N'), KeyModifiers::SHIFT),
                KeyEvent::new(KeyCode::Char('喜'), KeyModifiers::NONE),
                KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE),
            ]
        );
        // A mouse report, a sequence cut short.
        assert_eq!(codes(b"\x1b[<0;3;4Mx\x1b[12"), [KeyCode::Char('x')]);
    }
}
