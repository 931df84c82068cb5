//! The recall of each class as a bar with its interval.

use super::drawing::{Anchor, BLACK, Drawing, Stroke, WHITE};
use super::font::{self, CAPITALS};
use super::legend::{self, DOT, Key, Mark};
use super::palette::{BLUE, PALE_BLUE, PALE_GREY, VERMILION};
use super::plot::{Area, Axis, THIN, spaced};
use super::style::{COLUMN_MM, FigureStyle};
use super::ticks::labels as tick_labels;
use crate::figures::count;
use crate::metrics::wilson;
use crate::session::Metrics;

/// A bar for each class with its 95 % interval; the class's number of images stands beside its name. `frozen` are the figures
/// of the model without MASP on the same images, if they are known.
#[must_use]
pub fn classes(metrics: &Metrics, frozen: Option<&Metrics>, style: FigureStyle, title: String) -> Drawing {
    let labels: Vec<&String> = metrics.per_class.keys().collect();
    let count_of = labels.len().max(1) as f64;
    // Each class has 1.5 lines of 8 points; a legend, numbers and a title take 15 mm.
    let size = style.size(COLUMN_MM, 15.0 + 4.3 * count_of);
    let font = size.font;
    let mut drawing = Drawing::new(size.width, size.height, title);
    let margin = 0.3 * font;
    let whole = Area {
        x: margin,
        y: margin,
        width: size.width - 2.0 * margin,
        height: size.height - 2.0 * margin,
    };
    let line = Stroke::new(BLACK, THIN);
    let mark = Stroke::new(VERMILION, 1.0);
    let mut keys = vec![
        Key::new(Mark::Bar(PALE_BLUE), "recall"),
        Key::new(Mark::Line(Stroke::new(BLUE, 1.0)), "95 % interval"),
    ];
    if frozen.is_some() {
        keys.push(Key::new(Mark::Dot(mark, WHITE), "frozen model"));
    }
    let below = whole.below(legend::draw(&mut drawing, whole, &keys, font));
    let name = |label: &&String| {
        let images = metrics.class(label).map_or(0, |class| class.support);
        let counted = format!(" ({})", count(images as u64));
        let room = below.width / 2.5 - font::width(&counted, font);
        font::fitted(label, font, room) + &counted
    };
    let names: Vec<String> = labels.iter().map(name).collect();
    let longest = names.iter().map(|name| font::width(name, font)).fold(0.0, f64::max);
    let (left, bottom) = (below.x + longest + 0.6 * font, below.y + below.height - 2.8 * font);
    let right = below.x + below.width - 1.2 * font;
    let step = (bottom - below.y) / count_of;
    let at = |share: f64| left + share.clamp(0.0, 1.0) * (right - left);
    let axis = Axis {
        from: 0.0,
        to: 100.0,
        title: "recall (%)",
    };
    let tick_values = spaced(axis, right - left, font);
    for (number, label) in tick_values.iter().zip(tick_labels(&tick_values)) {
        let x = at(number / 100.0);
        drawing.line(vec![(x, below.y), (x, bottom)], Stroke::new(PALE_GREY, THIN));
        drawing.line(vec![(x, bottom), (x, bottom + 0.3 * font)], line);
        drawing.text((x, bottom + 1.3 * font), &label, font, Anchor::Middle);
    }
    let baseline = below.y + below.height - 0.3 * font;
    drawing.text(((left + right) / 2.0, baseline), axis.title, font, Anchor::Middle);
    for (place, (label, name)) in labels.iter().zip(&names).enumerate() {
        let middle = below.y + (place as f64 + 0.5) * step;
        let thick = 0.62 * step;
        let text = font.min(step * 1.1);
        drawing.text(
            (left - 0.4 * font, middle + CAPITALS * text / 2.0),
            name,
            text,
            Anchor::End,
        );
        let class = metrics.class(label).unwrap_or_default();
        let right_ones = (class.recall * class.support as f64).round() as usize;
        if let Some(share) = wilson(right_ones, class.support) {
            let top = middle - thick / 2.0;
            drawing.rectangle((left, top), (at(share.value) - left, thick), PALE_BLUE);
            let bar = Stroke::new(BLUE, 1.0);
            drawing.line(vec![(at(share.low), middle), (at(share.high), middle)], bar);
            for end in [share.low, share.high] {
                let half = thick / 4.0;
                drawing.line(vec![(at(end), middle - half), (at(end), middle + half)], bar);
            }
        }
        let of_frozen = frozen.and_then(|frozen| frozen.class(label)).map(|class| class.recall);
        if let Some(recall) = of_frozen.filter(|recall| recall.is_finite()) {
            drawing.circle((at(recall), middle), DOT, WHITE, mark);
        }
    }
    drawing.line(vec![(left, below.y), (left, bottom), (right, bottom)], line);
    drawing
}
