//! Colours: as many as the terminal has, none if none are wanted, and distinguishable with colour blindness.

use ratatui::{buffer::Buffer, style::Color};

use super::browse::Harness;
use crate::theme::{Depth, Theme};

/// Every screen of a made-up session, without pictures.
fn screens(theme: Theme) -> Vec<Buffer> {
    let mut desk = Harness::new(40, theme);
    desk.app.display.show_pictures = false;
    desk.app.sessions.listed(Ok(crate::made_up::evaluated::summaries(8)));
    let mut painted = Vec::new();
    for keys in ["1", "?", "?", "2", "v", "v", "3", "4"] {
        desk.keys(keys);
        painted.push(desk.screen(120, 40));
    }
    painted
}

fn colours(painted: &[Buffer]) -> Vec<Color> {
    let cells = painted.iter().flat_map(|buffer| &buffer.content);
    let mut found: Vec<Color> = cells.flat_map(|cell| [cell.fg, cell.bg]).collect();
    found.sort_unstable_by_key(|color| format!("{color:?}"));
    found.dedup();
    found
}

#[test]
fn no_screen_uses_colours_that_the_terminal_does_not_have() {
    for dark in [true, false] {
        let theme = |depth| if dark { Theme::dark(depth) } else { Theme::light(depth) };
        assert_eq!(colours(&screens(theme(Depth::Mono))), [Color::Reset]);
        let indexed = colours(&screens(theme(Depth::Indexed)));
        assert!(indexed.len() > 5, "{indexed:?}");
        let plain = |color: &Color| matches!(color, Color::Reset | Color::Indexed(_));
        assert!(indexed.iter().all(plain), "{indexed:?}");
        assert!(colours(&screens(theme(Depth::True))).len() > 5);
    }
}

/// Linear RGB of an sRGB colour.
fn linear(color: Color) -> [f64; 3] {
    let Color::Rgb(r, g, b) = color else {
        panic!("{color:?} is no colour of its own")
    };
    [r, g, b].map(|byte| {
        let part = f64::from(byte) / 255.0;
        if part <= 0.040_45 {
            part / 12.92
        } else {
            ((part + 0.055) / 1.055).powf(2.4)
        }
    })
}

fn times(matrix: [[f64; 3]; 3], v: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row.iter().zip(v).map(|(a, b)| a * b).sum())
}

/// CIELAB under D65.
fn lab(rgb: [f64; 3]) -> [f64; 3] {
    let xyz = times(
        [
            [0.412_456_4, 0.357_576_1, 0.180_437_5],
            [0.212_672_9, 0.715_152_2, 0.072_175],
            [0.019_333_9, 0.119_192, 0.950_304_1],
        ],
        rgb.map(|part| part.clamp(0.0, 1.0)),
    );
    let white = [0.950_47, 1.0, 1.088_83];
    let [x, y, z] = [0, 1, 2].map(|n| {
        let t: f64 = xyz[n] / white[n];
        if t > 0.008_856 {
            t.cbrt()
        } else {
            7.787 * t + 16.0 / 116.0
        }
    });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// Matrices that simulate complete colour blindness of each kind: Machado, Oliveira and Fernandes, 2009.
const COLOUR_BLINDNESS: [(&str, [[f64; 3]; 3]); 4] = [
    ("all cones", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    (
        "no long ones",
        [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ],
    ),
    (
        "no middle ones",
        [
            [0.367_322, 0.860_646, -0.227_968],
            [0.280_085, 0.672_501, 0.047_413],
            [-0.011_82, 0.042_94, 0.968_881],
        ],
    ),
    (
        "no short ones",
        [
            [1.255_528, -0.076_749, -0.178_779],
            [-0.078_411, 0.930_809, 0.147_602],
            [0.004_733, 0.691_367, 0.303_9],
        ],
    ),
];

/// The distance in CIELAB: 2 is just noticeable, 10 is clear at a glance.
fn apart(a: Color, b: Color, eye: [[f64; 3]; 3]) -> f64 {
    let [a, b] = [a, b].map(|color| lab(times(eye, linear(color))));
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn colours_are_distinguishable_with_colour_blindness() {
    for theme in [Theme::dark(Depth::True), Theme::light(Depth::True)] {
        let series = theme.series();
        let mut pairs = vec![
            (theme.good, theme.bad),
            (theme.more, theme.less),
            (theme.raw, theme.smooth),
        ];
        for (n, &a) in series.iter().enumerate() {
            pairs.extend(series[n + 1..].iter().map(|&b| (a, b)));
        }
        for (a, b) in pairs {
            for (eye, matrix) in COLOUR_BLINDNESS {
                let distance = apart(a, b, matrix);
                assert!(
                    distance > 10.0,
                    "dark {}: {a} and {b} are {distance:.1} apart for {eye}",
                    theme.dark
                );
            }
        }
    }
}

#[test]
fn text_stands_out_from_its_background() {
    let light = |color| 0.2126 * linear(color)[0] + 0.7152 * linear(color)[1] + 0.0722 * linear(color)[2];
    for (theme, ground) in [
        (Theme::dark(Depth::True), Color::Rgb(0, 0, 0)),
        (Theme::light(Depth::True), Color::Rgb(255, 255, 255)),
    ] {
        // Contrast ratios of WCAG 2: 4.5 for text, 3 for large symbols.
        let ratio = |a, b| {
            let (a, b): (f64, f64) = (light(a) + 0.05, light(b) + 0.05);
            a.max(b) / a.min(b)
        };
        for (color, least) in [
            (theme.text, 7.0),
            (theme.dim, 4.5),
            (theme.accent, 4.5),
            (theme.good, 3.0),
            (theme.bad, 3.0),
            (theme.warning, 3.0),
            (theme.more, 3.0),
            (theme.less, 3.0),
        ] {
            let found = ratio(color, ground);
            assert!(
                found >= least,
                "dark {}: {color} has a contrast of {found:.1}",
                theme.dark
            );
        }
        assert!(ratio(theme.on_accent, theme.accent) >= 4.5);
    }
}
