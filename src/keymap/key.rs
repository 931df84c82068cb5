//! A key, and its name in the config file.

use std::fmt::{self, Write};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde::{Deserialize, Serialize};

/// A key with its modifiers; shift is part of the character. The config file uses names, see [`Key::named`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Key {
    pub code: KeyCode,
    pub modifiers: KeyModifiers,
}

impl From<KeyEvent> for Key {
    fn from(event: KeyEvent) -> Self {
        Self {
            code: event.code,
            modifiers: event.modifiers.difference(KeyModifiers::SHIFT),
        }
    }
}

/// As key bar and help show it; arrow keys appear as arrows.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arrow = match self.code {
            KeyCode::Up => "↑",
            KeyCode::Down => "↓",
            KeyCode::Left => "←",
            KeyCode::Right => "→",
            _ => return f.write_str(&self.name()),
        };
        let name = self.name();
        let modifiers = name.rsplit_once('-').map_or("", |(modifiers, _)| modifiers);
        let dash = if modifiers.is_empty() { "" } else { "-" };
        write!(f, "{modifiers}{dash}{arrow}")
    }
}

const NAMED: [(&str, KeyCode); 16] = [
    ("space", KeyCode::Char(' ')),
    ("tab", KeyCode::Tab),
    ("shift-tab", KeyCode::BackTab),
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("backspace", KeyCode::Backspace),
    ("insert", KeyCode::Insert),
    ("delete", KeyCode::Delete),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("pgup", KeyCode::PageUp),
    ("pgdn", KeyCode::PageDown),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
];

impl Key {
    /// The key of a name: `q`, `N`, `space`, `pgup`, `f1`, `ctrl-c`, `alt-x`, ... `None` if there is none, or if a
    /// terminal cannot distinguish it from another one (ctrl-i is tab).
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let (mut modifiers, mut name) = (KeyModifiers::NONE, name);
        for (prefix, modifier) in [("ctrl-", KeyModifiers::CONTROL), ("alt-", KeyModifiers::ALT)] {
            if let Some(rest) = name.strip_prefix(prefix) {
                (modifiers, name) = (modifiers | modifier, rest);
            }
        }
        let code = code(name)?;
        let told_apart = match code {
            KeyCode::Char(c) if modifiers.contains(KeyModifiers::CONTROL) => {
                c.is_ascii_lowercase() && !"im".contains(c)
            }
            _ => true,
        };
        told_apart.then_some(Self { code, modifiers })
    }

    /// The name that [`Key::named`] accepts.
    #[must_use]
    pub fn name(self) -> String {
        let mut name = String::new();
        for (prefix, modifier) in [("ctrl-", KeyModifiers::CONTROL), ("alt-", KeyModifiers::ALT)] {
            if self.modifiers.contains(modifier) {
                name += prefix;
            }
        }
        match (NAMED.iter().find(|(_, code)| *code == self.code), self.code) {
            (Some((own, _)), _) => name += own,
            (None, KeyCode::Char(c)) => name.push(c),
            // Writing to a string cannot fail.
            (None, KeyCode::F(n)) => drop(write!(name, "f{n}")),
            (None, code) => drop(write!(name, "{code}")),
        }
        name
    }
}

fn code(name: &str) -> Option<KeyCode> {
    let named = NAMED.iter().find(|(known, _)| *known == name).map(|&(_, code)| code);
    let function = || {
        let number = name.strip_prefix('f')?.parse().ok()?;
        (1..=12).contains(&number).then_some(KeyCode::F(number))
    };
    let character = || {
        let mut chars = name.chars();
        let c = chars.next().filter(|c| !c.is_control())?;
        chars.next().is_none().then_some(KeyCode::Char(c))
    };
    named.or_else(function).or_else(character)
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.name()
    }
}

impl TryFrom<String> for Key {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::named(&name).ok_or_else(|| format!("no key is called `{name}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_names_are_parsed_back_to_their_keys() {
        for name in [
            "p",
            "P",
            "space",
            "shift-tab",
            "up",
            "f12",
            "ctrl-q",
            "alt-x",
            "ctrl-alt-x",
            "+",
            "é",
        ] {
            assert_eq!(Key::named(name).map(Key::name).as_deref(), Some(name));
        }
    }

    #[test]
    fn keys_that_no_terminal_can_send_are_refused() {
        for name in [
            "", "hyper-x", "pp", "f0", "f13", "ctrl-i", "ctrl-m", "ctrl-A", "ctrl-1", "\u{1b}", "Space",
        ] {
            assert_eq!(Key::named(name), None, "{name:?}");
        }
    }
}
