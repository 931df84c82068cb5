//! Output to the terminal. It uses crossterm, except on terminals of eight or sixteen colours: crossterm writes every
//! colour as one of 256 (`38;5;n`), which those terminals read as blinking plus whatever attribute `n` is.

use std::io::{self, Write};

use ratatui::{
    backend::{Backend, ClearType, CrosstermBackend, WindowSize},
    buffer::Cell,
    layout::{Position, Size},
    style::{Color, Modifier},
};

/// Attributes and their SGR numbers.
const ATTRIBUTES: [(Modifier, u8); 7] = [
    (Modifier::BOLD, 1),
    (Modifier::DIM, 2),
    (Modifier::ITALIC, 3),
    (Modifier::UNDERLINED, 4),
    (Modifier::REVERSED, 7),
    (Modifier::HIDDEN, 8),
    (Modifier::CROSSED_OUT, 9),
];

/// A terminal behind a writer.
#[derive(Debug)]
pub struct TerminalBackend<W: Write> {
    inner: CrosstermBackend<W>,
    /// Whether the terminal has eight or sixteen colours.
    pub few_colours: bool,
}

impl<W: Write> TerminalBackend<W> {
    /// The terminal that `to` writes to.
    pub const fn new(to: W, few_colours: bool) -> Self {
        Self {
            inner: CrosstermBackend::new(to),
            few_colours,
        }
    }

    fn draw_plainly<'a>(&mut self, content: impl Iterator<Item = (u16, u16, &'a Cell)>) -> io::Result<()> {
        let to = &mut self.inner;
        let mut style = None;
        let mut next = None;
        for (x, y, cell) in content {
            if next != Some((x, y)) {
                write!(to, "\x1b[{};{}H", u32::from(y) + 1, u32::from(x) + 1)?;
            }
            // A wide character takes more than one column, so the cursor is positioned again after it.
            next = x.checked_add(1).map(|x| (x, y)).filter(|_| cell.symbol().is_ascii());
            let wanted = (cell.fg, cell.bg, cell.modifier);
            if style != Some(wanted) {
                write!(to, "\x1b[0")?;
                for (attribute, number) in ATTRIBUTES {
                    if cell.modifier.contains(attribute) {
                        write!(to, ";{number}")?;
                    }
                }
                for (color, base) in [(cell.fg, 30), (cell.bg, 40)] {
                    match color {
                        Color::Indexed(number @ 0..8) => write!(to, ";{}", base + number)?,
                        Color::Indexed(number @ 8..16) => write!(to, ";{}", base + 60 + number - 8)?,
                        _ => {}
                    }
                }
                write!(to, "m")?;
                style = Some(wanted);
            }
            write!(to, "{}", cell.symbol())?;
        }
        write!(to, "\x1b[0m")
    }
}

impl<W: Write> Write for TerminalBackend<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Write::flush(&mut self.inner)
    }
}

impl<W: Write> Backend for TerminalBackend<W> {
    type Error = io::Error;

    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, content: I) -> io::Result<()> {
        if self.few_colours {
            self.draw_plainly(content)
        } else {
            self.inner.draw(content)
        }
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.inner.hide_cursor()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.inner.show_cursor()
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        self.inner.get_cursor_position()
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.inner.set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.inner.clear()
    }

    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        self.inner.clear_region(region)
    }

    fn size(&self) -> io::Result<Size> {
        self.inner.size()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.inner.window_size()
    }

    fn flush(&mut self) -> io::Result<()> {
        Backend::flush(&mut self.inner)
    }
}

#[cfg(test)]
mod tests {
    use ratatui::{buffer::Buffer, layout::Rect, style::Style};

    use super::*;
    use crate::theme::{Depth, Theme};

    /// What is sent for a row of text in the theme's colours.
    fn sent(theme: &Theme) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 6, 2));
        buffer.set_string(0, 0, "ab", Style::new().fg(theme.good).add_modifier(Modifier::BOLD));
        buffer.set_string(2, 0, "感", Style::new().fg(theme.text));
        buffer.set_string(4, 0, "c", Style::new().fg(theme.on_accent).bg(theme.accent));
        theme.settle(&mut buffer);
        let mut bytes = Vec::new();
        let cells = (0..).zip(&buffer.content).filter(|(_, cell)| cell.symbol() != " ");
        let mut backend = TerminalBackend::new(&mut bytes, theme.depth.is_few());
        backend.draw(cells.map(|(n, cell)| (n % 6, n / 6, cell))).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_terminal_with_few_colours_gets_only_those() {
        assert_eq!(
            sent(&Theme::dark(Depth::Eight)),
            "\x1b[1;1H\x1b[0;1;32mab\x1b[0m感\x1b[1;5H\x1b[0;30;46mc\x1b[0m"
        );
        assert_eq!(
            sent(&Theme::dark(Depth::Sixteen)),
            "\x1b[1;1H\x1b[0;1;92mab\x1b[0m感\x1b[1;5H\x1b[0;30;106mc\x1b[0m"
        );
        // As crossterm writes them, where the terminal has them.
        assert!(!sent(&Theme::dark(Depth::Indexed)).contains(";32m"));
    }
}
