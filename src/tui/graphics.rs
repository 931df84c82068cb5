//! Chooses how to show pictures, from the environment, the terminal's own answers and the person's setting.
//!
//! Kitty's and iTerm2's protocols are recognised by environment variables that those terminals set. Sixel is recognised
//! by the terminal's answer to a query that every terminal answers (its attributes, DA1); crossterm ignores that answer
//! if it comes too late. A terminal that is started from another one inherits its environment. So an apparent kitty is
//! queried as well, and a terminal that denies a protocol never gets it, even if the person asked for it. iTerm2's
//! protocol has no such query.

use std::os::fd::AsFd;

use ratatui::layout::Size;

use crate::images::Images;

/// A way to send pixels to a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    Kitty,
    Iterm2,
    Sixel,
}

/// A terminal's pixel protocol and cell size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Graphics {
    pub protocol: Protocol,
    /// A cell's width and height in pixels.
    pub cell: Size,
}

/// The terminal's answers to the queries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answer {
    /// `None`: it has not answered.
    pub sixel: Option<bool>,
    /// Whether it supports kitty's protocol; `None`: it was not asked, or has not answered.
    pub kitty: Option<bool>,
    /// A cell's width and height in pixels.
    pub cell: Option<Size>,
    /// Whether the background is light.
    pub light: Option<bool>,
}

/// The result of the choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// The pixel graphics that are available; a key turns them on.
    pub graphics: Option<Graphics>,
    /// Whether pixels are on from the start.
    pub pixels: bool,
    /// Why the protocol that the person named cannot be used.
    pub refused: Option<&'static str>,
}

impl Protocol {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kitty => "kitty",
            Self::Iterm2 => "iterm2",
            Self::Sixel => "sixel",
        }
    }
}

impl Images {
    const fn protocol(self) -> Option<Protocol> {
        match self {
            Self::Kitty => Some(Protocol::Kitty),
            Self::Iterm2 => Some(Protocol::Iterm2),
            Self::Sixel => Some(Protocol::Sixel),
            Self::Auto | Self::Halfblocks | Self::Off => None,
        }
    }
}

/// Whether the terminal must be asked about kitty's protocol.
pub fn asks_for_kitty(images: Images, variable: impl Fn(&str) -> Option<String>) -> bool {
    candidate(images, variable) == Some(Protocol::Kitty)
}

/// The protocol that the person named; otherwise that of the terminal that the environment names.
fn candidate(images: Images, variable: impl Fn(&str) -> Option<String>) -> Option<Protocol> {
    if images == Images::Off {
        return None;
    }
    // Inside a multiplexer the environment describes the outer terminal, so it is not used.
    let asked = images.protocol();
    asked.or_else(|| named(&variable).filter(|_| !is_through(&variable)))
}

/// Whether a multiplexer is between this process and the terminal.
fn is_through(variable: impl Fn(&str) -> Option<String>) -> bool {
    let has = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    ["TMUX", "STY", "ZELLIJ"].into_iter().any(has)
}

/// Chooses how to show pictures, from the person's setting, the environment, and a cell's size in pixels as the system
/// reports it. `ask` queries the terminal; it is called only if the answer matters.
pub fn choose(
    images: Images,
    variable: impl Fn(&str) -> Option<String>,
    cell: Option<Size>,
    ask: impl FnOnce() -> Answer,
) -> Choice {
    let has = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    let none = |refused| Choice {
        graphics: None,
        pixels: false,
        refused,
    };
    let through = is_through(&variable);
    let asked = images.protocol();
    if images == Images::Off || (asked.is_none() && variable("TERM").is_none_or(|term| term == "dumb")) {
        return none(None);
    }
    if through && matches!(asked, Some(Protocol::Kitty | Protocol::Iterm2)) {
        return none(Some("a multiplexer does not pass them on"));
    }
    let known = candidate(images, &variable);
    let answer = if known == Some(Protocol::Iterm2) && cell.is_some() {
        Answer::default()
    } else {
        ask()
    };
    // If the terminal has not answered, the environment or the person's setting is believed.
    let denied = match known {
        Some(Protocol::Kitty) if answer.kitty == Some(false) => Some("the terminal says that it has no kitty graphics"),
        Some(Protocol::Sixel) if answer.sixel == Some(false) => Some("the terminal says that it has no sixels"),
        _ => None,
    };
    if let (Some(_), Some(denied)) = (asked, denied) {
        return none(Some(denied));
    }
    let known = known.filter(|_| denied.is_none());
    let protocol = known.or((answer.sixel == Some(true)).then_some(Protocol::Sixel));
    let (Some(protocol), Some(cell)) = (protocol, cell.or(answer.cell)) else {
        return none(asked.map(|_| "the terminal does not report the size of its cells"));
    };
    let remote = ["SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT"].into_iter().any(has);
    Choice {
        graphics: Some(Graphics { protocol, cell }),
        pixels: asked.is_some() || (images == Images::Auto && !remote && !through),
        refused: None,
    }
}

/// The protocol of the terminal that the environment names. `KITTY_WINDOW_ID` counts only if no other terminal names
/// itself, because terminals that are started from kitty inherit it.
fn named(variable: impl Fn(&str) -> Option<String>) -> Option<Protocol> {
    let says = |name: &str, values: &[&str]| variable(name).is_some_and(|value| values.contains(&value.as_str()));
    if says("TERM", &["xterm-kitty", "xterm-ghostty"]) || says("TERM_PROGRAM", &["ghostty"]) {
        return Some(Protocol::Kitty);
    }
    if says("TERM_PROGRAM", &["iTerm.app", "WezTerm", "mintty"]) || says("LC_TERMINAL", &["iTerm2"]) {
        return Some(Protocol::Iterm2);
    }
    let others = ["TERM_PROGRAM", "XTERM_VERSION", "VTE_VERSION", "KONSOLE_VERSION"];
    let other = others.into_iter().any(|name| variable(name).is_some());
    (!other && variable("KITTY_WINDOW_ID").is_some()).then_some(Protocol::Kitty)
}

/// A cell's width and height in pixels, as the system reports them; `None` if the terminal has not reported any.
pub fn cell_size(terminal: impl AsFd) -> Option<Size> {
    let size = rustix::termios::tcgetwinsize(terminal).ok()?;
    let width = size.ws_xpixel.checked_div(size.ws_col)?;
    let height = size.ws_ypixel.checked_div(size.ws_row)?;
    (width > 0 && height > 0).then_some(Size::new(width, height))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELL: Size = Size::new(9, 18);

    fn chosen(images: Images, environment: &[(&str, &str)], cell: Option<Size>, answer: Option<Answer>) -> Choice {
        let variable = |name: &str| {
            let found = environment.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        choose(images, variable, cell, || {
            answer.expect("the terminal need not be asked")
        })
    }

    fn shown(choice: Choice) -> (Option<Protocol>, bool) {
        (choice.graphics.map(|graphics| graphics.protocol), choice.pixels)
    }

    #[test]
    fn the_environment_names_the_protocol() {
        let cases: [(&[(&str, &str)], Protocol); 7] = [
            (&[("TERM", "xterm-kitty")], Protocol::Kitty),
            (&[("TERM", "xterm-256color"), ("KITTY_WINDOW_ID", "1")], Protocol::Kitty),
            (&[("TERM", "xterm-ghostty")], Protocol::Kitty),
            (
                &[("TERM", "xterm-256color"), ("TERM_PROGRAM", "iTerm.app")],
                Protocol::Iterm2,
            ),
            (
                &[("TERM", "xterm-256color"), ("LC_TERMINAL", "iTerm2")],
                Protocol::Iterm2,
            ),
            (
                &[("TERM", "xterm-256color"), ("TERM_PROGRAM", "WezTerm")],
                Protocol::Iterm2,
            ),
            (
                &[("TERM", "xterm-256color"), ("TERM_PROGRAM", "mintty")],
                Protocol::Iterm2,
            ),
        ];
        for (environment, protocol) in cases {
            let silent = (protocol == Protocol::Kitty).then(Answer::default);
            let choice = chosen(Images::Auto, environment, Some(CELL), silent);
            assert_eq!(shown(choice), (Some(protocol), true), "{environment:?}");
        }
    }

    #[test]
    fn a_terminal_is_not_sent_a_protocol_that_it_denies() {
        let says = |kitty, sixel| {
            Some(Answer {
                sixel,
                kitty,
                ..Answer::default()
            })
        };
        // A terminal that was started from kitty and inherited its environment.
        let inside = [("TERM", "alacritty"), ("KITTY_WINDOW_ID", "1")];
        let of = |images, kitty, sixel| chosen(images, &inside, Some(CELL), says(kitty, sixel));
        assert!(asks_for_kitty(Images::Auto, |name| (name == "KITTY_WINDOW_ID").then(String::new)));
        assert_eq!(
            shown(of(Images::Auto, Some(true), Some(false))),
            (Some(Protocol::Kitty), true)
        );
        assert_eq!(shown(of(Images::Auto, None, None)), (Some(Protocol::Kitty), true));
        assert_eq!(shown(of(Images::Auto, Some(false), Some(false))), (None, false));
        assert_eq!(
            of(Images::Auto, Some(false), Some(false)).refused,
            None,
            "nobody asked for it"
        );
        assert_eq!(
            shown(of(Images::Auto, Some(false), Some(true))),
            (Some(Protocol::Sixel), true)
        );
        // A denied protocol is not used even if the person named it, and they are told why.
        for (images, kitty, sixel, why) in [
            (Images::Kitty, Some(false), Some(true), "no kitty graphics"),
            (Images::Sixel, None, Some(false), "no sixels"),
        ] {
            let choice = of(images, kitty, sixel);
            assert_eq!(shown(choice), (None, false));
            assert!(
                choice.refused.is_some_and(|refused| refused.contains(why)),
                "{choice:?}"
            );
        }
        assert_eq!(shown(of(Images::Sixel, None, None)), (Some(Protocol::Sixel), true));
        for images in [Images::Off, Images::Iterm2, Images::Sixel] {
            assert!(!asks_for_kitty(images, |_| None));
        }
    }

    #[test]
    fn an_unknown_terminal_is_queried() {
        let xterm = [
            ("TERM", "xterm-256color"),
            ("XTERM_VERSION", "XTerm(379)"),
            ("KITTY_WINDOW_ID", "1"),
        ];
        let says = |sixel| {
            Some(Answer {
                sixel: Some(sixel),
                ..Answer::default()
            })
        };
        assert_eq!(
            shown(chosen(Images::Auto, &xterm, Some(CELL), says(true))),
            (Some(Protocol::Sixel), true)
        );
        assert_eq!(
            shown(chosen(Images::Auto, &xterm, Some(CELL), says(false))),
            (None, false)
        );
        assert_eq!(
            shown(chosen(Images::Auto, &[("TERM", "dumb")], None, None)),
            (None, false)
        );
    }

    #[test]
    fn over_ssh_and_in_a_multiplexer_pixels_wait_for_a_key() {
        let kitty = ("TERM", "xterm-kitty");
        for far in ["SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT"] {
            let far = [kitty, (far, "x")];
            assert_eq!(
                shown(chosen(Images::Auto, &far, Some(CELL), Some(Answer::default()))),
                (Some(Protocol::Kitty), false)
            );
            assert_eq!(
                shown(chosen(Images::Kitty, &far, Some(CELL), Some(Answer::default()))),
                (Some(Protocol::Kitty), true)
            );
        }
        let tmux = [("TERM", "screen"), ("TMUX", "x"), ("KITTY_WINDOW_ID", "1")];
        let sixel = Answer {
            sixel: Some(true),
            ..Answer::default()
        };
        assert_eq!(
            shown(chosen(Images::Auto, &tmux, Some(CELL), Some(Answer::default()))),
            (None, false)
        );
        assert_eq!(
            shown(chosen(Images::Auto, &tmux, Some(CELL), Some(sixel))),
            (Some(Protocol::Sixel), false)
        );
        let refused = chosen(Images::Kitty, &tmux, Some(CELL), None);
        assert!(refused.graphics.is_none() && refused.refused.is_some_and(|why| why.contains("multiplexer")));
        assert_eq!(
            shown(chosen(Images::Sixel, &tmux, Some(CELL), Some(Answer::default()))),
            (Some(Protocol::Sixel), true)
        );
    }

    #[test]
    fn an_explicit_choice_is_respected() {
        let kitty = [("TERM", "xterm-kitty")];
        assert_eq!(shown(chosen(Images::Off, &kitty, Some(CELL), None)), (None, false));
        assert_eq!(
            shown(chosen(Images::Halfblocks, &kitty, Some(CELL), Some(Answer::default()))),
            (Some(Protocol::Kitty), false)
        );
        assert_eq!(
            shown(chosen(Images::Iterm2, &kitty, Some(CELL), None)),
            (Some(Protocol::Iterm2), true)
        );
    }

    #[test]
    fn without_the_size_of_a_cell_there_are_no_pixels() {
        let kitty = [("TERM", "xterm-kitty")];
        let tells = Answer {
            cell: Some(CELL),
            ..Answer::default()
        };
        let told = chosen(Images::Auto, &kitty, None, Some(tells));
        assert_eq!(told.graphics.map(|graphics| graphics.cell), Some(CELL));
        assert_eq!(
            chosen(Images::Auto, &kitty, None, Some(Answer::default())).refused,
            None
        );
        let refused = chosen(Images::Sixel, &kitty, None, Some(Answer::default()));
        assert!(refused.graphics.is_none() && refused.refused.is_some_and(|why| why.contains("size of its cells")));
    }
}
