//! Axes: a frame with ticks and titles, and where numbers lie in it.

use super::drawing::{Anchor, BLACK, Drawing, Point, Stroke};
use super::font::{self, CAPITALS};
use super::palette::PALE_GREY;
use super::ticks::{labels, ticks};

/// A part of a drawing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

impl Area {
    /// Without its upper part.
    pub fn below(self, height: f64) -> Self {
        Self {
            y: self.y + height,
            height: (self.height - height).max(0.0),
            ..self
        }
    }
}

/// An axis: its range, what it shows, and its unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis<'a> {
    pub from: f64,
    pub to: f64,
    pub title: &'a str,
}

/// The space between axes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plot {
    pub area: Area,
    x: (f64, f64),
    y: (f64, f64),
}

/// The width of the axes' lines.
pub const THIN: f64 = 0.5;

impl Plot {
    /// Draws the axes within `area`, titles included.
    pub fn draw(drawing: &mut Drawing, area: Area, x: Axis, y: Axis, font: f64) -> Self {
        let (tick, gap) = (0.3 * font, 0.25 * font);
        let title = 1.35 * font;
        let y_ticks = ticks(y.from, y.to, ((area.height / (2.2 * font)) as usize).clamp(3, 7));
        let y_labels = labels(&y_ticks);
        let widest = y_labels
            .iter()
            .map(|label| font::width(label, font))
            .fold(0.0, f64::max);
        let left = title + widest + tick + gap;
        let below = tick + 1.1 * font + title;
        // The last number at the x axis may reach over its end, the highest at the y axis over its top.
        let (right, above) = (1.2 * font, 0.5 * font);
        let inner = Area {
            x: area.x + left,
            y: area.y + above,
            width: (area.width - left - right).max(1.0),
            height: (area.height - below - above).max(1.0),
        };
        let plot = Self {
            area: inner,
            x: (x.from, x.to),
            y: (y.from, y.to),
        };
        let x_ticks = spaced(x, inner.width, font);
        let line = Stroke::new(BLACK, THIN);
        let (bottom, end) = (inner.y + inner.height, inner.x + inner.width);
        for (number, label) in y_ticks.iter().zip(&y_labels) {
            let (_, at) = plot.at(x.from, *number);
            drawing.line(vec![(inner.x, at), (end, at)], Stroke::new(PALE_GREY, THIN));
            drawing.line(vec![(inner.x - tick, at), (inner.x, at)], line);
            let middle = at + CAPITALS * font / 2.0;
            drawing.text((inner.x - tick - gap, middle), label, font, Anchor::End);
        }
        for (number, label) in x_ticks.iter().zip(labels(&x_ticks)) {
            let (at, _) = plot.at(*number, y.from);
            drawing.line(vec![(at, bottom), (at, bottom + tick)], line);
            drawing.text((at, bottom + tick + font), &label, font, Anchor::Middle);
        }
        drawing.line(vec![(inner.x, inner.y), (inner.x, bottom), (end, bottom)], line);
        let middle = inner.x + inner.width / 2.0;
        let baseline = area.y + area.height - 0.3 * font;
        drawing.text((middle, baseline), x.title, font, Anchor::Middle);
        let y_title = font::fitted(y.title, font, area.height);
        let (half, most) = (font::width(&y_title, font) / 2.0, area.y + area.height);
        // A title that is longer than the axis stays within the area.
        let at = (inner.y + inner.height / 2.0).min(most - half).max(area.y + half);
        drawing.turned((area.x + 0.9 * font, at), &y_title, font, Anchor::Middle, 90.0);
        plot
    }

    /// Where a pair of numbers lies; what is out of range lies at the edge.
    pub fn at(&self, x: f64, y: f64) -> Point {
        let share = |number: f64, (from, to): (f64, f64)| {
            let share = (number - from) / (to - from);
            if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
        };
        (
            self.area.x + share(x, self.x) * self.area.width,
            self.area.y + (1.0 - share(y, self.y)) * self.area.height,
        )
    }
}

/// As many numbers as the axis has room for, but two where it can.
pub fn spaced(axis: Axis, width: f64, font: f64) -> Vec<f64> {
    const MOST: usize = 8;
    let of = |most| ticks(axis.from, axis.to, most);
    let fits = |ticks: &Vec<f64>| {
        let widest = labels(ticks)
            .iter()
            .map(|label| font::width(label, font))
            .fold(0.0, f64::max);
        let parts = (axis.to - axis.from) / (ticks.get(1).unwrap_or(&axis.to) - ticks.first().unwrap_or(&axis.from));
        width / parts >= widest + 0.8 * font
    };
    let few = (2..=MOST).rev().map(of).find(fits).unwrap_or_default();
    if few.len() > 1 { few } else { of(3) }
}
