//! Images with their aspects' attention maps: one row an image.

use image::{Rgb, RgbImage};

use super::drawing::{Anchor, BLACK, Color, Drawing};
use super::font;
use super::palette::VERMILION;
use super::style::{FigureStyle, MOST_MM, PAGE_MM, mm_to_points, points_to_mm};
use crate::data::View;
use crate::export::ExportError;
use crate::heatmap::sequential;

/// An image of the panel as the figure shows it.
pub struct PanelRow {
    pub picture: RgbImage,
    /// In the order of [`View::ALL`]: the map over the picture, and the aspect's own answer; None for an aspect that was not
    /// trained.
    pub maps: Vec<Option<(RgbImage, String)>>,
    pub gold: String,
    pub said: String,
}

/// The figure. Under each picture stand its gold class and what the model says, under each map the aspect's answer.
///
/// # Errors
/// More images than a page has room for.
pub fn panel(rows: &[PanelRow], style: FigureStyle, title: String) -> Result<Drawing, ExportError> {
    let columns = 1 + View::ALL.len();
    let size = style.size(PAGE_MM, MOST_MM);
    let font = size.font;
    let (margin, gap, line) = (0.3 * font, 0.6 * font, 1.2 * font);
    let captions = 2.0 * line + 0.6 * font;
    let across = (size.width - 2.0 * margin - gap * (columns - 1) as f64) / columns as f64;
    let names: Vec<String> = std::iter::once("image".to_owned())
        .chain(View::ALL.map(|view| view.name().replace('_', " ")))
        .collect();
    // A name that is too long for one line has two.
    let is_long = |name: &String| font::width(name, font) > across;
    let lines = if names.iter().any(is_long) { 2.0 } else { 1.0 };
    let first = margin + lines * line + 0.3 * font;
    let ends = first + 2.0 * font + margin;
    let tile = match style.height_mm {
        Some(_) => across.min((size.height - ends) / rows.len().max(1) as f64 - captions),
        None => across,
    };
    let height = ends + rows.len() as f64 * (tile + captions);
    if tile < font || height > mm_to_points(MOST_MM) {
        return Err(ExportError::Nothing(format!(
            "the panel has {} images, whose maps would be {} mm high together; a figure is at most {MOST_MM} mm high, so \
             name another width or height",
            rows.len(),
            points_to_mm(height).round()
        )));
    }
    let mut drawing = Drawing::new(size.width, style.height_mm.map_or(height, |_| size.height), title);
    let left = |column: usize| margin + column as f64 * (across + gap);
    for (column, name) in names.iter().enumerate() {
        let middle = left(column) + across / 2.0;
        let parts = match name.split_once(' ').filter(|_| is_long(name)) {
            Some((upper, lower)) => vec![lower, upper],
            None => vec![name.as_str()],
        };
        for (place, part) in parts.into_iter().enumerate() {
            let baseline = first - 0.5 * font - line * place as f64;
            let part = font::fitted(part, font, across + gap / 2.0);
            drawing.text((middle, baseline), &part, font, Anchor::Middle);
        }
    }
    for (place, row) in rows.iter().enumerate() {
        let top = first + place as f64 * (tile + captions);
        let under = top + tile + font;
        let mut tiles = vec![Some((&row.picture, ""))];
        tiles.extend(
            row.maps
                .iter()
                .map(|map| map.as_ref().map(|(map, text)| (map, text.as_str()))),
        );
        for (column, shown) in tiles.into_iter().enumerate().take(columns) {
            let Some((pixels, text)) = shown else { continue };
            let (width, height) = fitted(pixels, across.min(tile), tile);
            let at = (left(column) + (across - width) / 2.0, top + (tile - height) / 2.0);
            drawing.picture(at, (width, height), pixels.clone());
            caption(&mut drawing, (left(column), under), text, (font, across), BLACK);
        }
        caption(
            &mut drawing,
            (left(0), under),
            &format!("gold {}", row.gold),
            (font, across),
            BLACK,
        );
        let color = if row.gold == row.said { BLACK } else { VERMILION };
        caption(
            &mut drawing,
            (left(0), under + line),
            &format!("says {}", row.said),
            (font, across),
            color,
        );
    }
    let bottom = first + rows.len() as f64 * (tile + captions);
    color_bar(&mut drawing, bottom + 0.4 * font, margin, font);
    Ok(drawing)
}

/// A line under a tile of this width, in the middle: smaller where it is too long, and cut where that does not suffice.
fn caption(drawing: &mut Drawing, (x, y): (f64, f64), text: &str, (font, width): (f64, f64), color: Color) {
    const SMALLEST: f64 = 0.6;
    let room = width + 0.3 * font;
    let size = font * (room / font::width(text, font).max(room)).max(SMALLEST);
    let text = font::fitted(text, size, room);
    if !text.is_empty() {
        drawing.colored((x + width / 2.0, y), &text, (size, 0.0), Anchor::Middle, color);
    }
}

fn color_bar(drawing: &mut Drawing, y: f64, margin: f64, font: f64) {
    const STEPS: u32 = 256;
    let (low, high) = ("attention: least", "greatest of each map");
    let width = (drawing.width / 5.0).min(drawing.width - 2.0 * margin);
    let text = font::width(high, font) + 0.5 * font;
    let x = drawing.width - margin - text - width;
    let pixels = RgbImage::from_fn(STEPS, 1, |x, _| Rgb(sequential(x as f32 / (STEPS - 1) as f32)));
    drawing.picture((x, y), (width, 0.9 * font), pixels);
    let baseline = y + 0.8 * font;
    drawing.text((x - 0.5 * font, baseline), low, font, Anchor::End);
    drawing.text((x + width + 0.5 * font, baseline), high, font, Anchor::Start);
}

/// The size at which a picture fits, with its proportions kept.
fn fitted(pixels: &RgbImage, width: f64, height: f64) -> (f64, f64) {
    let (w, h) = (f64::from(pixels.width().max(1)), f64::from(pixels.height().max(1)));
    let scale = (width / w).min(height / h);
    (w * scale, h * scale)
}
