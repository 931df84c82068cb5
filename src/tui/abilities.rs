//! What is sent to a terminal, by what it says of itself: its name in `TERM`, and the system's database of terminals.

use super::{terminfo::Terminfo, theme::Depth};

/// What the terminal can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// Put its cursor anywhere: without that there are no screens.
    pub cursor: bool,
    /// Show another screen, and the shell's again after it.
    pub alternate: bool,
    /// Tell of the mouse.
    pub mouse: bool,
    /// Tell pasted text from keys. The database has no common word for that: terminals with a mouse know it, or pass it over.
    pub paste: bool,
}

impl Abilities {
    /// Of the terminal that the environment names.
    #[must_use]
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let terminal = variable("TERM").unwrap_or_default();
        Self::of(&terminal, Terminfo::find(&terminal, variable).as_ref())
    }

    /// Of a terminal by its name and its entry in the database.
    #[must_use]
    pub fn of(terminal: &str, entry: Option<&Terminfo>) -> Self {
        // One that the database does not know is taken for one of today's.
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
    // Each xterm of this century has 256, though the entry of that name does not say so; and tmux takes them from whom it shows,
    // and brings them down itself.
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

/// Terminals that are older than what most of today's can, for systems without their entries.
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
    fn only_what_the_terminal_can_is_sent_to_it() {
        assert_eq!(Abilities::of("xterm-256color", Some(&XTERM)), ALL);
        // Named by no database: one of today's.
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

    fn shows(terminal: &str, colors: Option<Option<u32>>, set: &[(&str, &str)]) -> Depth {
        let entry = colors.map(|colors| Terminfo { colors, ..XTERM });
        depth_of(terminal, entry.as_ref(), |name| {
            let found = set.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_terminal_gets_as_many_colours_as_it_says() {
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
}
