//! A reliability diagram: how often the model is right where it is so confident.

use super::drawing::{Anchor, BLACK, Dash, Drawing, Stroke};
use super::legend::{self, DOT, Key, Mark};
use super::palette::{BLUE, GREY, PALE_BLUE};
use super::plot::{Area, Axis, Plot, THIN};
use super::style::{COLUMN_MM, FigureStyle};
use crate::figures::{calibration, count};
use crate::metrics::{Bin, wilson};

/// The bins of [`crate::metrics::reliability`]: the accuracy of each as a bar, with its 95 % interval at the bin's mean
/// confidence, and its number of images.
#[must_use]
pub fn reliability(bins: &[Bin], ece: f64, style: FigureStyle, title: String) -> Drawing {
    let size = style.size(COLUMN_MM, 66.0);
    let font = size.font;
    let mut drawing = Drawing::new(size.width, size.height, title);
    let margin = 0.3 * font;
    let whole = Area {
        x: margin,
        y: margin,
        width: size.width - 2.0 * margin,
        height: size.height - 2.0 * margin,
    };
    let line = Stroke::new(BLUE, 1.0);
    let diagonal = Stroke::new(GREY, 0.8).dashed(Dash::Dashed);
    let keys = [
        Key::new(Mark::Bar(PALE_BLUE), "accuracy"),
        Key::new(Mark::Dotted(line, BLUE), "95 % interval"),
        Key::new(Mark::Line(diagonal), "calibrated"),
    ];
    let below = whole.below(legend::draw(&mut drawing, whole, &keys, font) + font);
    let percent = |title| Axis {
        from: 0.0,
        to: 100.0,
        title,
    };
    let plot = Plot::draw(
        &mut drawing,
        below,
        percent("confidence (%)"),
        percent("accuracy (%)"),
        font,
    );
    let width = 100.0 / bins.len().max(1) as f64;
    let filled = || bins.iter().enumerate().filter(|(_, bin)| bin.samples > 0);
    for (place, bin) in filled() {
        let (from, to) = (place as f64 * width, (place + 1) as f64 * width);
        let accuracy = 100.0 * bin.right as f64 / bin.samples as f64;
        let ((x, y), (end, bottom)) = (plot.at(from, accuracy), plot.at(to, 0.0));
        drawing.rectangle((x + 0.5, y), (end - x - 1.0, bottom - y), PALE_BLUE);
    }
    drawing.line(vec![plot.at(0.0, 0.0), plot.at(100.0, 100.0)], diagonal);
    let small = 0.8 * font;
    for (place, bin) in filled() {
        let Some(share) = wilson(bin.right, bin.samples) else {
            continue;
        };
        let mean = 100.0 * bin.confidence / bin.samples as f64;
        drawing.line(
            vec![plot.at(mean, 100.0 * share.low), plot.at(mean, 100.0 * share.high)],
            line,
        );
        drawing.circle(plot.at(mean, 100.0 * share.value), DOT, BLUE, Stroke::new(BLUE, THIN));
        let (x, y) = plot.at((place as f64 + 0.5) * width, 100.0);
        drawing.text((x, y - 0.4 * font), &count(bin.samples as u64), small, Anchor::Middle);
    }
    let (x, y) = plot.at(0.0, 100.0);
    drawing.text(
        (x + 0.6 * font, y + 1.3 * font),
        &format!("ECE {}", calibration(ece)),
        font,
        Anchor::Start,
    );
    drawing.line(vec![plot.at(0.0, 0.0), plot.at(100.0, 0.0)], Stroke::new(BLACK, THIN));
    drawing
}
