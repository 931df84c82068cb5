//! What the lines and marks of a figure mean.

use super::drawing::{Anchor, Color, Drawing, Stroke};
use super::font::{self, CAPITALS};
use super::plot::Area;

/// A mark and its meaning.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    pub mark: Mark,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mark {
    Line(Stroke),
    /// A line with dots of this colour.
    Dotted(Stroke, Color),
    Dot(Stroke, Color),
    Bar(Color),
}

impl Key {
    pub fn new(mark: Mark, text: impl Into<String>) -> Self {
        Self {
            mark,
            text: text.into(),
        }
    }
}

/// The radius of the dots.
pub const DOT: f64 = 1.6;

/// Draws the keys from left to right, in as many lines as they need. Returns the height that they take.
pub fn draw(drawing: &mut Drawing, area: Area, keys: &[Key], font: f64) -> f64 {
    if keys.is_empty() {
        return 0.0;
    }
    let (mark, gap, between, line) = (1.8 * font, 0.4 * font, 1.0 * font, 1.35 * font);
    let (mut x, mut lines) = (area.x, 1);
    for key in keys {
        let text = font::fitted(&key.text, font, area.width - mark - gap);
        let width = mark + gap + font::width(&text, font);
        if x > area.x && x + width > area.x + area.width {
            (x, lines) = (area.x, lines + 1);
        }
        let baseline = area.y + line * f64::from(lines) - 0.35 * font;
        let middle = baseline - CAPITALS * font / 2.0;
        let ends = vec![(x, middle), (x + mark, middle)];
        let centre = (x + mark / 2.0, middle);
        match key.mark {
            Mark::Line(stroke) => drawing.line(ends, stroke),
            Mark::Dotted(stroke, fill) => {
                drawing.line(ends, stroke);
                drawing.circle(centre, DOT, fill, stroke);
            }
            Mark::Dot(stroke, fill) => drawing.circle(centre, DOT, fill, stroke),
            Mark::Bar(color) => {
                let height = CAPITALS * font;
                drawing.rectangle(
                    (x + 0.4 * font, middle - height / 2.0),
                    (mark - 0.8 * font, height),
                    color,
                );
            }
        }
        drawing.text((x + mark + gap, baseline), &text, font, Anchor::Start);
        x += width + between;
    }
    line * f64::from(lines) + 0.2 * font
}
