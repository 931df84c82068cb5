//! The colour of each role, on a dark and on a light background.

use ratatui::style::Color;

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
}
