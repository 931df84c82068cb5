//! Colours by role, distinguishable without red against green (after Okabe and Ito), and their conversion for terminals
//! with fewer colours.
//!
//! Panes paint in 24-bit colour. [`Theme::settle`] runs last on each frame and converts it to the terminal's colours.

mod few;
mod repaint;

use ratatui::{
    buffer::Buffer,
    style::{Color, Modifier},
};

pub use repaint::{Paint, Role};

/// How many colours the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    True,
    /// xterm's 256.
    Indexed,
    /// Eight, each also bright.
    Sixteen,
    Eight,
    /// None (`NO_COLOR`): bold and dim stand in.
    Mono,
}

impl Depth {
    /// Whether it has eight or sixteen colours, which are not addressed by a number among 256.
    #[must_use]
    pub const fn is_few(self) -> bool {
        matches!(self, Self::Sixteen | Self::Eight)
    }
}

/// The number of sessions whose curves have colours of their own.
pub const SERIES: usize = 6;

/// The colours of each role.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    pub depth: Depth,
    /// Whether the background is dark.
    pub dark: bool,
    /// What matters: numbers, answers.
    pub text: Color,
    /// Labels and units.
    pub dim: Color,
    /// Borders, grids, empty bars.
    pub faint: Color,
    /// Focus and keys.
    pub accent: Color,
    /// Text on `accent`.
    pub on_accent: Color,
    /// A series as it was logged.
    pub raw: Color,
    /// The same series smoothed.
    pub smooth: Color,
    pub validation: Color,
    pub bar: Color,
    /// The colours of other sessions' curves.
    pub series1: Color,
    pub series2: Color,
    pub series3: Color,
    pub series4: Color,
    pub series5: Color,
    pub series6: Color,
    /// B has more than A, and less.
    pub more: Color,
    pub less: Color,
    pub good: Color,
    pub bad: Color,
    pub warning: Color,
}

impl Theme {
    /// For a dark background.
    #[must_use]
    pub const fn dark(depth: Depth) -> Self {
        Self {
            depth,
            dark: true,
            text: Color::Rgb(222, 225, 230),
            dim: Color::Rgb(139, 145, 156),
            faint: Color::Rgb(66, 71, 82),
            accent: Color::Rgb(97, 175, 239),
            on_accent: Color::Rgb(16, 18, 24),
            raw: Color::Rgb(48, 88, 122),
            smooth: Color::Rgb(96, 190, 250),
            validation: Color::Rgb(240, 170, 40),
            bar: Color::Rgb(86, 160, 210),
            series1: Color::Rgb(217, 117, 206),
            series2: Color::Rgb(0, 211, 134),
            series3: Color::Rgb(252, 213, 97),
            series4: Color::Rgb(219, 108, 53),
            series5: Color::Rgb(145, 114, 255),
            series6: Color::Rgb(193, 200, 205),
            more: Color::Rgb(245, 160, 70),
            less: Color::Rgb(176, 140, 235),
            good: Color::Rgb(60, 200, 160),
            bad: Color::Rgb(235, 115, 65),
            warning: Color::Rgb(240, 205, 70),
        }
    }

    /// For a light background.
    #[must_use]
    pub const fn light(depth: Depth) -> Self {
        Self {
            depth,
            dark: false,
            text: Color::Rgb(30, 33, 40),
            dim: Color::Rgb(95, 100, 112),
            faint: Color::Rgb(190, 195, 204),
            accent: Color::Rgb(0, 95, 170),
            on_accent: Color::Rgb(255, 255, 255),
            raw: Color::Rgb(150, 195, 228),
            smooth: Color::Rgb(0, 100, 180),
            validation: Color::Rgb(190, 100, 0),
            bar: Color::Rgb(30, 120, 180),
            series1: Color::Rgb(192, 72, 123),
            series2: Color::Rgb(7, 139, 84),
            series3: Color::Rgb(117, 121, 22),
            series4: Color::Rgb(228, 45, 23),
            series5: Color::Rgb(117, 50, 167),
            series6: Color::Rgb(90, 90, 146),
            more: Color::Rgb(179, 88, 6),
            less: Color::Rgb(100, 60, 160),
            good: Color::Rgb(0, 125, 90),
            bad: Color::Rgb(196, 66, 0),
            warning: Color::Rgb(150, 110, 0),
        }
    }

    /// The theme for a known background, with the same number of colours.
    #[must_use]
    pub const fn on(&self, dark: bool) -> Self {
        if dark {
            Self::dark(self.depth)
        } else {
            Self::light(self.depth)
        }
    }

    /// The colours of other sessions' curves.
    #[must_use]
    pub const fn series(&self) -> [Color; SERIES] {
        [
            self.series1,
            self.series2,
            self.series3,
            self.series4,
            self.series5,
            self.series6,
        ]
    }

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

    /// The role of a colour, for tests and for terminals of few colours or none.
    #[must_use]
    pub fn role(&self, color: Color) -> Option<&'static str> {
        let roles = [
            (self.text, "text"),
            (self.dim, "dim"),
            (self.faint, "faint"),
            (self.accent, "accent"),
            (self.on_accent, "on_accent"),
            (self.raw, "raw"),
            (self.smooth, "smooth"),
            (self.validation, "validation"),
            (self.bar, "bar"),
            (self.series1, "series1"),
            (self.series2, "series2"),
            (self.series3, "series3"),
            (self.series4, "series4"),
            (self.series5, "series5"),
            (self.series6, "series6"),
            (self.more, "more"),
            (self.less, "less"),
            (self.good, "good"),
            (self.bad, "bad"),
            (self.warning, "warning"),
        ];
        roles.into_iter().find(|(of, _)| *of == color).map(|(_, name)| name)
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
    fn without_colour_none_is_left() {
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
