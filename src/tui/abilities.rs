//! Which control sequences and colours a terminal supports, from its name in `TERM` and the system's terminfo database.

use super::terminfo::Terminfo;
use crate::theme::{Depth, Theme};

/// The terminal's abilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// It can put its cursor anywhere. Without this there are no screens.
    pub cursor: bool,
    /// It has an alternate screen, and shows the shell's screen again after it.
    pub alternate: bool,
    /// It reports the mouse.
    pub mouse: bool,
    /// It can mark pasted text. The database has no common entry for this: terminals with a mouse support it or ignore
    /// the request.
    pub paste: bool,
}

impl Abilities {
    /// The abilities of the terminal that the environment names.
    #[must_use]
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let terminal = variable("TERM").unwrap_or_default();
        Self::of(&terminal, Terminfo::find(&terminal, variable).as_ref())
    }

    /// The abilities of a terminal, from its name and its entry in the database.
    #[must_use]
    pub fn of(terminal: &str, entry: Option<&Terminfo>) -> Self {
        // A terminal that is missing in the database is taken for a modern one, unless its name is an old one's.
        let old = entry.is_none() && is_old(terminal);
        let mouse = entry.map_or(!old, |entry| entry.mouse);
        Self {
            cursor: terminal != "dumb" && entry.is_none_or(|entry| entry.cursor_address),
            alternate: entry.map_or(!old, |entry| entry.alternate),
            mouse,
            paste: mouse,
        }
    }
}

impl Theme {
    /// The theme for the environment: `NO_COLOR`, `COLORTERM`, `TERM` and that terminal's entry in the database, and
    /// `COLORFGBG` for a light background.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let depth = depth(&variable);
        let background = variable("COLORFGBG").and_then(|value| value.rsplit(';').next()?.parse::<u8>().ok());
        match background {
            Some(7 | 9..=15) => Self::light(depth),
            _ => Self::dark(depth),
        }
    }
}

/// How many colours the terminal shows.
#[must_use]
pub fn depth(variable: impl Fn(&str) -> Option<String>) -> Depth {
    let terminal = variable("TERM").unwrap_or_default();
    let entry = Terminfo::find(&terminal, &variable);
    depth_of(&terminal, entry.as_ref(), variable)
}

fn depth_of(terminal: &str, entry: Option<&Terminfo>, variable: impl Fn(&str) -> Option<String>) -> Depth {
    let set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    if set("NO_COLOR") || terminal.contains("dumb") {
        return Depth::Mono;
    }
    let says = |value: &str, words: &[&str]| words.iter().any(|word| value.contains(word));
    let named = says(terminal, &["direct", "kitty", "alacritty", "ghostty"]);
    if named || says(&variable("COLORTERM").unwrap_or_default(), &["truecolor", "24bit"]) {
        return Depth::True;
    }
    // Every current xterm has 256 colours, although the entry of that name does not say so. tmux accepts them and
    // converts them for its outer terminal.
    if terminal.contains("256") || terminal == "xterm" || set("TMUX") {
        return Depth::Indexed;
    }
    match entry {
        Some(entry) => match entry.colors {
            Some(256..) => Depth::Indexed,
            Some(16..) => Depth::Sixteen,
            Some(8..) => Depth::Eight,
            _ => Depth::Mono,
        },
        None if terminal.starts_with("vt") || terminal.ends_with("-mono") => Depth::Mono,
        None if says(terminal, &["-16color", "-88color"]) => Depth::Sixteen,
        None if is_old(terminal) || terminal.ends_with("-color") => Depth::Eight,
        None => Depth::Indexed,
    }
}

/// Terminals without most modern abilities, for systems whose database has no entries for them.
fn is_old(terminal: &str) -> bool {
    ["linux", "ansi", "cons", "vt"]
        .iter()
        .any(|name| terminal.starts_with(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const XTERM: Terminfo = Terminfo {
        colors: Some(256),
        cursor_address: true,
        alternate: true,
        mouse: true,
    };
    const ALL: Abilities = Abilities {
        cursor: true,
        alternate: true,
        mouse: true,
        paste: true,
    };

    #[test]
    fn only_supported_sequences_are_sent() {
        assert_eq!(Abilities::of("xterm-256color", Some(&XTERM)), ALL);
        // In no database, so it is taken for a modern terminal.
        assert_eq!(Abilities::of("xterm-new", None), ALL);
        assert_eq!(Abilities::of("", None), ALL);
        let vt100 = Terminfo {
            colors: None,
            alternate: false,
            mouse: false,
            ..XTERM
        };
        let plain = Abilities {
            alternate: false,
            mouse: false,
            paste: false,
            ..ALL
        };
        assert_eq!(Abilities::of("vt100", Some(&vt100)), plain);
        for old in ["vt220", "linux", "ansi"] {
            assert_eq!(Abilities::of(old, None), plain, "{old}");
        }
        let console = Terminfo {
            alternate: false,
            ..XTERM
        };
        let can = Abilities::of("linux", Some(&console));
        assert!(!can.alternate && can.mouse, "the entry is believed before the name");
        assert!(!Abilities::of("dumb", None).cursor);
        let teletype = Terminfo {
            cursor_address: false,
            ..vt100
        };
        assert!(!Abilities::of("tty33", Some(&teletype)).cursor);
    }

    #[expect(clippy::option_option, reason = "no entry, and an entry that says nothing")]
    fn shows(terminal: &str, colors: Option<Option<u32>>, set: &[(&str, &str)]) -> Depth {
        let entry = colors.map(|colors| Terminfo { colors, ..XTERM });
        depth_of(terminal, entry.as_ref(), |name| {
            let found = set.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_terminal_gets_as_many_colours_as_it_reports() {
        for (terminal, colors, set, depth) in [
            ("xterm-256color", Some(Some(256)), &[][..], Depth::Indexed),
            ("xterm-256color", None, &[("COLORTERM", "truecolor")], Depth::True),
            ("xterm-kitty", None, &[], Depth::True),
            ("xterm-direct", Some(Some(1 << 24)), &[], Depth::True),
            ("linux", Some(Some(8)), &[], Depth::Eight),
            ("linux", None, &[], Depth::Eight),
            ("xterm-16color", Some(Some(16)), &[], Depth::Sixteen),
            ("xterm-16color", None, &[], Depth::Sixteen),
            ("eterm-color", None, &[], Depth::Eight),
            ("xterm-mono", None, &[], Depth::Mono),
            ("rxvt-88color", Some(Some(88)), &[], Depth::Sixteen),
            ("vt100", Some(None), &[], Depth::Mono),
            ("vt220", None, &[], Depth::Mono),
            ("xterm-mono", Some(None), &[], Depth::Mono),
            ("dumb", None, &[("COLORTERM", "truecolor")], Depth::Mono),
            ("xterm-256color", Some(Some(256)), &[("NO_COLOR", "1")], Depth::Mono),
            ("xterm-256color", Some(Some(256)), &[("NO_COLOR", "")], Depth::Indexed),
            ("xterm", Some(Some(8)), &[], Depth::Indexed),
            ("screen", Some(Some(8)), &[], Depth::Eight),
            ("screen", Some(Some(8)), &[("TMUX", "/tmp/t,1,0")], Depth::Indexed),
            ("unheard-of", None, &[], Depth::Indexed),
            ("", None, &[], Depth::Indexed),
        ] {
            assert_eq!(shows(terminal, colors, set), depth, "{terminal} {colors:?} {set:?}");
        }
    }

    fn from(pairs: &[(&str, &str)]) -> Theme {
        Theme::from_environment(|name| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_decides() {
        assert_eq!(from(&[("COLORTERM", "truecolor")]), Theme::dark(Depth::True));
        assert_eq!(
            from(&[("COLORTERM", "truecolor"), ("NO_COLOR", "1")]),
            Theme::dark(Depth::Mono)
        );
        assert_eq!(
            from(&[("NO_COLOR", ""), ("TERM", "xterm-256color")]).depth,
            Depth::Indexed
        );
        assert_eq!(
            from(&[("COLORFGBG", "0;15"), ("TERM", "xterm-kitty")]),
            Theme::light(Depth::True)
        );
    }
}
