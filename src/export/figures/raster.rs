//! A drawing as a PNG with 300 pixels to the inch.

use png::{PixelDimensions, Unit};
use tiny_skia::{
    Color as Ink, FillRule, FilterQuality, LineJoin, Paint, Path, PathBuilder, Pixmap, PixmapPaint, Stroke as Pen,
    StrokeDash, Transform,
};
use ttf_parser::OutlineBuilder;

use super::drawing::{Color, Drawing, Item, Point, Stroke, Text};
use super::font;

/// Pixels to the inch.
const RESOLUTION: f64 = 300.0;
const SCALE: f32 = (RESOLUTION / 72.0) as f32;

/// The file's bytes; None where the page is too large, or without area.
pub fn png(drawing: &Drawing) -> Option<Vec<u8>> {
    let pixels = |points: f64| (points * f64::from(SCALE)).round() as u32;
    let mut page = Pixmap::new(pixels(drawing.width), pixels(drawing.height))?;
    page.fill(Ink::WHITE);
    for item in &drawing.items {
        paint(&mut page, item);
    }
    written(&page, drawing).ok()
}

fn written(page: &Pixmap, drawing: &Drawing) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, page.width(), page.height());
    encoder.set_color(png::ColorType::Rgb);
    let to_the_metre = (RESOLUTION / 0.0254).round() as u32;
    encoder.set_pixel_dims(Some(PixelDimensions {
        xppu: to_the_metre,
        yppu: to_the_metre,
        unit: Unit::Meter,
    }));
    // `iTXt` chunks hold UTF-8; image viewers and `exiftool` show them.
    encoder.add_itxt_chunk("Title".to_owned(), drawing.title.clone())?;
    encoder.add_itxt_chunk("Software".to_owned(), format!("masp {}", env!("CARGO_PKG_VERSION")))?;
    for (keyword, text) in drawing.words.iter().filter(|(_, text)| !text.is_empty()) {
        encoder.add_itxt_chunk((*keyword).to_owned(), text.clone())?;
    }
    let mut writer = encoder.write_header()?;
    // The page is opaque.
    let colors: Vec<u8> = page
        .pixels()
        .iter()
        .flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()])
        .collect();
    writer.write_image_data(&colors)?;
    writer.finish()?;
    Ok(bytes)
}

fn paint(page: &mut Pixmap, item: &Item) {
    let scale = Transform::from_scale(SCALE, SCALE);
    let fill = |page: &mut Pixmap, path: Option<Path>, color: Color| {
        if let Some(path) = path {
            page.fill_path(&path, &ink(color), FillRule::Winding, scale, None);
        }
    };
    let stroke = |page: &mut Pixmap, path: Option<Path>, stroke: &Stroke| {
        if let Some(path) = path {
            page.stroke_path(&path, &ink(stroke.color), &pen(stroke), scale, None);
        }
    };
    match item {
        Item::Line { points, stroke: with } => stroke(page, path(points, false), with),
        Item::Area { points, fill: color } => fill(page, path(points, true), *color),
        Item::Circle {
            at: (x, y),
            radius,
            fill: color,
            stroke: with,
        } => {
            let circle = PathBuilder::from_circle(*x as f32, *y as f32, *radius as f32);
            fill(page, circle.clone(), *color);
            stroke(page, circle, with);
        }
        Item::Text(text) => fill(page, outline(text), text.color),
        Item::Picture { at, size, pixels } => {
            let Some(mut picture) = Pixmap::new(pixels.width(), pixels.height()) else {
                return;
            };
            for (to, from) in picture.data_mut().chunks_exact_mut(4).zip(pixels.pixels()) {
                let [r, g, b] = from.0;
                to.copy_from_slice(&[r, g, b, 255]);
            }
            let placed = Transform::from_translate(at.0 as f32, at.1 as f32).pre_scale(
                size.0 as f32 / pixels.width() as f32,
                size.1 as f32 / pixels.height() as f32,
            );
            let paint = PixmapPaint {
                quality: FilterQuality::Bicubic,
                ..PixmapPaint::default()
            };
            page.draw_pixmap(0, 0, picture.as_ref(), &paint, placed.post_concat(scale), None);
        }
    }
}

fn ink([r, g, b]: Color) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(r, g, b, 255);
    paint.anti_alias = true;
    paint
}

fn pen(stroke: &Stroke) -> Pen {
    let dash = stroke.dash.lengths();
    Pen {
        width: stroke.width as f32,
        line_join: LineJoin::Round,
        dash: dash.and_then(|lengths| StrokeDash::new(lengths.map(|length| length as f32).to_vec(), 0.0)),
        ..Pen::default()
    }
}

fn path(points: &[Point], closed: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (place, (x, y)) in points.iter().enumerate() {
        let (x, y) = (*x as f32, *y as f32);
        if place == 0 {
            path.move_to(x, y);
        } else {
            path.line_to(x, y);
        }
    }
    if closed {
        path.close();
    }
    path.finish()
}

/// The shapes of a line of text.
fn outline(text: &Text) -> Option<Path> {
    let face = font::face()?;
    let mut letters = Letters(PathBuilder::new());
    let em = text.size as f32 / f32::from(face.units_per_em());
    let (x, y) = text.begin();
    let line = Transform::from_rotate(-text.turned as f32).post_translate(x as f32, y as f32);
    let mut along = 0.0;
    let mut whole = PathBuilder::new();
    for c in text.line.chars() {
        let (glyph, advance) = font::glyph(c);
        if face.outline_glyph(glyph, &mut letters).is_some() {
            let builder = std::mem::take(&mut letters.0);
            // A font's y goes up.
            let placed = Transform::from_scale(em, -em)
                .post_translate(along, 0.0)
                .post_concat(line);
            if let Some(letter) = builder.finish().and_then(|letter| letter.transform(placed)) {
                whole.push_path(&letter);
            }
        }
        along += (advance * text.size) as f32;
    }
    whole.finish()
}

struct Letters(PathBuilder);

impl OutlineBuilder for Letters {
    fn move_to(&mut self, x: f32, y: f32) {
        self.0.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.0.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.0.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.0.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.0.close();
    }
}
