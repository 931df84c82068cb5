//! A confusion matrix: the share of each gold class that is taken for each class.

use image::RgbImage;

use super::drawing::{Anchor, BLACK, Color, Drawing, Stroke, WHITE};
use super::font::{self, CAPITALS};
use super::palette::{BLUE, GREY};
use super::plot::THIN;
use super::style::{COLUMN_MM, FigureStyle};
use super::ticks::labels as tick_labels;
use crate::session::Confusion;

/// The matrix with shares of its rows in per cent. A row without images stays empty.
#[must_use]
pub fn confusion(confusion: &Confusion, style: FigureStyle, title: String) -> Drawing {
    let size = style.size(COLUMN_MM, COLUMN_MM * 0.9);
    let mut drawing = Drawing::new(size.width, size.height, title);
    let labels = &confusion.labels;
    let count = labels.len().max(1) as f64;
    let font = size.font;
    // A name takes at most a quarter of the figure.
    let names: Vec<String> = labels
        .iter()
        .map(|label| font::fitted(label, font, size.width / 4.0))
        .collect();
    let longest = names.iter().map(|name| font::width(name, font)).fold(0.0, f64::max);
    let (margin, gap) = (0.3 * font, 0.5 * font);
    let bar = 0.8 * font;
    let bar_text = font::width("100", font) + gap;
    let left = margin + 1.4 * font + longest + gap;
    let right = margin + gap * 2.0 + bar + bar_text;
    let turned = longest * std::f64::consts::FRAC_1_SQRT_2 + font;
    let below = margin + 1.4 * font + turned;
    let above = margin + 1.4 * font;
    let side = ((size.width - left - right).min(size.height - below - above) / count).max(1.0);
    let (x0, y0) = (left, above);
    let whole = side * count;
    let share = |row: &Vec<u64>, count: u64| {
        let sum: f64 = row.iter().map(|count| *count as f64).sum();
        (sum > 0.0).then(|| count as f64 / sum)
    };
    // The numbers shrink with their cells, but not below what can be read.
    let number = font.min(side / font::width("100", 1.0) * 0.85);
    for (y, row) in confusion.counts.iter().enumerate().take(labels.len()) {
        for (x, count) in row.iter().enumerate().take(labels.len()) {
            let Some(share) = share(row, *count) else { continue };
            let at = (x0 + x as f64 * side, y0 + y as f64 * side);
            drawing.rectangle(at, (side, side), shade(share));
            if *count > 0 && number >= 3.5 {
                let text = format!("{:.0}", 100.0 * share);
                let ink = if share > 0.5 { WHITE } else { BLACK };
                let middle = (at.0 + side / 2.0, at.1 + side / 2.0 + CAPITALS * number / 2.0);
                drawing.colored(middle, &text, (number, 0.0), Anchor::Middle, ink);
            }
        }
    }
    let corners = [(0.0, 0.0), (whole, 0.0), (whole, whole), (0.0, whole), (0.0, 0.0)];
    let frame = corners.map(|(x, y)| (x0 + x, y0 + y)).to_vec();
    drawing.line(frame, Stroke::new(GREY, THIN));
    // Names that would overlap are drawn smaller.
    let small = font.min(side * 1.1);
    for (place, name) in names.iter().enumerate() {
        let middle = (place as f64 + 0.5) * side;
        let baseline = y0 + middle + CAPITALS * small / 2.0;
        drawing.text((x0 - gap, baseline), name, small, Anchor::End);
        let under = (x0 + middle + 0.3 * small, y0 + whole + 0.4 * font + 0.5 * small);
        drawing.turned(under, name, small, Anchor::End, 45.0);
    }
    drawing.turned(
        (margin + 0.9 * font, y0 + whole / 2.0),
        "gold",
        font,
        Anchor::Middle,
        90.0,
    );
    let under = y0 + whole + turned + 1.1 * font;
    drawing.text((x0 + whole / 2.0, under), "predicted", font, Anchor::Middle);
    color_bar(&mut drawing, (x0 + whole + gap * 2.0, y0), (bar, whole), font);
    drawing.text((x0 + whole, y0 - 0.6 * font), "share of the row (%)", font, Anchor::End);
    drawing
}

fn color_bar(drawing: &mut Drawing, (x, y): (f64, f64), (width, height): (f64, f64), font: f64) {
    const STEPS: u32 = 128;
    let pixels = RgbImage::from_fn(1, STEPS, |_, y| {
        image::Rgb(shade(1.0 - f64::from(y) / f64::from(STEPS - 1)))
    });
    drawing.picture((x, y), (width, height), pixels);
    let ticks = [0.0, 50.0, 100.0];
    for (number, label) in ticks.iter().zip(tick_labels(&ticks)) {
        let at = y + height * (1.0 - number / 100.0);
        let baseline = at + CAPITALS * font / 2.0;
        drawing.text((x + width + 0.3 * font, baseline), &label, font, Anchor::Start);
    }
}

/// From white to the figures' blue.
fn shade(share: f64) -> Color {
    let mixed = |to: u8| (255.0 + (f64::from(to) - 255.0) * share.clamp(0.0, 1.0)).round() as u8;
    BLUE.map(mixed)
}
