//! Colours by role, distinguishable without red against green (after Okabe and Ito), and their conversion for terminals
//! with fewer colours.
//!
//! Panes paint in 24-bit colour. [`Theme::settle`] runs last on each frame and converts it to the terminal's colours.

mod few;
mod palette;
mod repaint;
mod shade;

use ratatui::{
    buffer::Buffer,
    style::{Color, Modifier},
};

pub use palette::{Depth, SERIES, Theme};
pub use repaint::{Paint, Role};

impl Theme {
    /// Converts a painted frame to the terminal's colours.
    pub fn settle(&self, buffer: &mut Buffer) {
        for cell in &mut buffer.content {
            match self.depth {
                Depth::True => return,
                Depth::Indexed => (cell.fg, cell.bg) = (indexed(cell.fg), indexed(cell.bg)),
                Depth::Sixteen => (cell.fg, cell.bg) = (few::few(self, cell.fg, 16), few::few(self, cell.bg, 16)),
                Depth::Eight => {
                    // There is no grey, so dim stands in for it.
                    cell.modifier |= self.stand_in(cell.fg) & Modifier::DIM;
                    (cell.fg, cell.bg) = (few::few(self, cell.fg, 8), few::few(self, cell.bg, 8));
                }
                Depth::Mono => {
                    cell.modifier |= self.stand_in(cell.fg);
                    if cell.bg == self.accent {
                        cell.modifier |= Modifier::REVERSED;
                    }
                    (cell.fg, cell.bg) = (Color::Reset, Color::Reset);
                }
            }
        }
    }

    fn stand_in(&self, color: Color) -> Modifier {
        match self.role(color) {
            Some("dim" | "faint" | "raw") => Modifier::DIM,
            Some("accent" | "bad" | "warning" | "validation") => Modifier::BOLD,
            _ => Modifier::empty(),
        }
    }
}

/// The nearest of xterm's 6x6x6 cube and grey ramp; colours that are not 24-bit stay.
fn indexed(color: Color) -> Color {
    let Color::Rgb(r, g, b) = color else {
        return color;
    };
    let distance = |(x, y, z): (u8, u8, u8)| {
        let d = |a: u8, b: u8| (i32::from(a) - i32::from(b)).pow(2);
        d(x, r) + d(y, g) + d(z, b)
    };
    let level = |v: u8| {
        if v < 48 {
            0
        } else if v < 115 {
            1
        } else {
            (v - 35) / 40
        }
    };
    let value = |level: u8| if level == 0 { 0 } else { 55 + 40 * level };
    let (lr, lg, lb) = (level(r), level(g), level(b));
    let grey = ((u16::from(r) + u16::from(g) + u16::from(b)) / 3).clamp(8, 238) as u8;
    let step = (grey - 8 + 5) / 10;
    let shade = 8 + 10 * step.min(23);
    if distance((shade, shade, shade)) < distance((value(lr), value(lg), value(lb))) {
        Color::Indexed(232 + step.min(23))
    } else {
        Color::Indexed(16 + 36 * lr + 6 * lg + lb)
    }
}

#[cfg(test)]
mod tests {
    use ratatui::{layout::Rect, style::Style};

    use super::*;

    #[test]
    fn fewer_colours_keep_the_roles_apart() {
        assert_eq!(indexed(Color::Rgb(255, 0, 0)), Color::Indexed(196));
        assert_eq!(indexed(Color::Rgb(128, 128, 128)), Color::Indexed(244));
        assert_eq!(indexed(Color::Rgb(0, 0, 0)), Color::Indexed(16));
        assert_eq!(indexed(Color::Reset), Color::Reset);
        for theme in [Theme::dark(Depth::Indexed), Theme::light(Depth::Indexed)] {
            let own = [theme.raw, theme.smooth, theme.validation, theme.faint];
            let others = theme.series().into_iter();
            let curves: Vec<Color> = own.into_iter().chain(others).map(indexed).collect();
            assert!(!curves.contains(&indexed(theme.text)));
            let said = [theme.good, theme.bad, theme.faint].map(indexed);
            assert!(said[0] != said[1] && said[1] != said[2] && said[0] != said[2]);
            assert!(
                (1..curves.len()).all(|n| !curves[..n].contains(&curves[n])),
                "{curves:?}"
            );
        }
    }

    #[test]
    fn without_colours_no_style_has_one() {
        let theme = Theme::dark(Depth::Mono);
        let mut buffer = Buffer::empty(Rect::new(0, 0, 2, 1));
        buffer.set_string(0, 0, "a", Style::new().fg(theme.dim));
        buffer.set_string(1, 0, "b", Style::new().fg(theme.on_accent).bg(theme.accent));
        theme.settle(&mut buffer);
        assert!(
            buffer
                .content
                .iter()
                .all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset)
        );
        assert_eq!(
            [buffer.content[0].modifier, buffer.content[1].modifier],
            [Modifier::DIM, Modifier::REVERSED]
        );
    }
}
