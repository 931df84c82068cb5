//! The roles' colours on terminals of eight or sixteen colours. There are no shades, so each role has a fixed colour
//! that differs from those next to it.

use ratatui::style::Color;

use super::palette::Theme;

/// xterm's sixteen.
const SIXTEEN: [(u8, u8, u8); 16] = [
    (0, 0, 0),
    (205, 0, 0),
    (0, 205, 0),
    (205, 205, 0),
    (0, 0, 238),
    (205, 0, 205),
    (0, 205, 205),
    (229, 229, 229),
    (127, 127, 127),
    (255, 0, 0),
    (0, 255, 0),
    (255, 255, 0),
    (92, 92, 255),
    (255, 0, 255),
    (0, 255, 255),
    (255, 255, 255),
];

/// The colour among a terminal's first `count`, eight or sixteen.
pub(super) fn few(theme: &Theme, color: Color, count: u8) -> Color {
    if let Some(role) = theme.role(color) {
        return of_role(role, theme.dark, count).map_or(Color::Reset, Color::Indexed);
    }
    let number = match color {
        Color::Reset => return color,
        Color::Rgb(r, g, b) => nearest((r, g, b), count),
        Color::Indexed(number @ 16..) => nearest(of_256(number), count),
        Color::Indexed(number) => number,
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
    };
    Color::Indexed(number % count)
}

/// `None`: the terminal's own text colour.
fn of_role(role: &str, dark: bool, count: u8) -> Option<u8> {
    // In this order: dark and light background with sixteen colours, dark and light with eight.
    let of_four: [Option<u8>; 4] = match role {
        "dim" => [Some(7), Some(8), None, None],
        "faint" => [Some(8), Some(7), None, None],
        "accent" => [Some(14), Some(4), Some(6), Some(4)],
        "on_accent" => [Some(0), Some(15), Some(0), Some(7)],
        "raw" => [Some(4), Some(12), Some(4), Some(4)],
        "smooth" => [Some(12), Some(4), Some(6), Some(4)],
        "validation" => [Some(11), Some(3), Some(3), Some(3)],
        "bar" => [Some(6), Some(6), Some(6), Some(6)],
        "series1" => [Some(13), Some(13), Some(5), Some(5)],
        "series2" => [Some(10), Some(2), Some(2), Some(2)],
        "series3" => [Some(3), Some(11), Some(3), Some(3)],
        "series4" => [Some(9), Some(9), Some(1), Some(1)],
        "series5" => [Some(5), Some(5), Some(4), Some(6)],
        "series6" => [Some(15), Some(0), Some(7), Some(0)],
        "more" | "warning" => [Some(11), Some(3), Some(3), Some(3)],
        "less" => [Some(13), Some(5), Some(5), Some(5)],
        "good" => [Some(10), Some(2), Some(2), Some(2)],
        "bad" => [Some(9), Some(1), Some(1), Some(1)],
        _ => [None; 4],
    };
    of_four[usize::from(!dark) + 2 * usize::from(count < 16)]
}

fn nearest((r, g, b): (u8, u8, u8), count: u8) -> u8 {
    let distance = |&(x, y, z): &(u8, u8, u8)| {
        let d = |a: u8, b: u8| (i32::from(a) - i32::from(b)).pow(2);
        d(x, r) + d(y, g) + d(z, b)
    };
    let found = (0..count).zip(&SIXTEEN).min_by_key(|(_, color)| distance(color));
    found.map_or(0, |(number, _)| number)
}

/// A colour of xterm's cube or grey ramp.
fn of_256(number: u8) -> (u8, u8, u8) {
    if number >= 232 {
        let grey = 8 + 10 * (number - 232);
        return (grey, grey, grey);
    }
    let level = |level: u8| if level == 0 { 0 } else { 55 + 40 * level };
    let place = number.saturating_sub(16);
    (level(place / 36), level(place / 6 % 6), level(place % 6))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theme::{Depth, SERIES};

    #[test]
    fn roles_that_must_differ_have_different_colours() {
        for theme in [Theme::dark(Depth::Sixteen), Theme::light(Depth::Sixteen)] {
            let of = |color, count| few(&theme, color, count);
            for count in [8, 16] {
                let said = [theme.good, theme.bad, theme.warning, theme.accent].map(|color| of(color, count));
                assert!((1..4).all(|n| !said[..n].contains(&said[n])), "{said:?}");
                let series = theme.series().map(|color| of(color, count));
                assert!((1..SERIES).all(|n| !series[..n].contains(&series[n])), "{series:?}");
                assert_ne!(of(theme.on_accent, count), of(theme.accent, count));
                assert_eq!(of(theme.text, count), Color::Reset);
            }
            let curves = [theme.raw, theme.smooth, theme.validation].map(|color| of(color, 16));
            assert!((1..3).all(|n| !curves[..n].contains(&curves[n])), "{curves:?}");
        }
    }

    #[test]
    fn only_the_terminals_colours_are_used() {
        let theme = Theme::dark(Depth::Eight);
        let all = (0..=u8::MAX).map(Color::Indexed);
        let some = [
            Color::White,
            Color::LightRed,
            Color::Rgb(1, 2, 3),
            Color::Rgb(250, 9, 120),
        ];
        for count in [8, 16] {
            for color in all.clone().chain(some).chain(theme.series()) {
                let Color::Indexed(number) = few(&theme, color, count) else {
                    panic!("{color:?}");
                };
                assert!(number < count, "{color:?}: {number}");
            }
        }
        assert_eq!(few(&theme, Color::Rgb(250, 9, 9), 16), Color::Indexed(9));
        assert_eq!(few(&theme, Color::Rgb(200, 9, 9), 8), Color::Indexed(1));
        assert_eq!(few(&theme, Color::Reset, 8), Color::Reset);
    }
}
