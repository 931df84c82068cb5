//! A drawing as SVG. Its text is text, so that it can be searched and edited.

use std::fmt::Write;
use std::io::Cursor;

use base64::{Engine, engine::general_purpose::STANDARD};
use image::ImageFormat;

use super::drawing::{Anchor, Color, Drawing, Item, Point, Stroke};
use super::font;
use super::style::points_to_mm;
use crate::export::escape::escaped;

/// The SVG; its size is in millimetres, its coordinates are points.
pub fn svg(drawing: &Drawing) -> String {
    let Drawing { width, height, .. } = drawing;
    let title = escaped(&drawing.title);
    // Writing to a string does not fail.
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}mm\" height=\"{}mm\" viewBox=\"0 0 {} {}\" role=\"img\" \
         aria-label=\"{title}\" font-family=\"{}\"><title>{title}</title>\n",
        short(points_to_mm(*width)),
        short(points_to_mm(*height)),
        short(*width),
        short(*height),
        font::FAMILY
    );
    let _ = writeln!(svg, "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>");
    for item in &drawing.items {
        let _ = match item {
            Item::Line { points, stroke } => {
                let stroke = stroked(stroke);
                writeln!(svg, "<polyline points=\"{}\" fill=\"none\" {stroke}/>", listed(points))
            }
            Item::Area { points, fill } => {
                writeln!(svg, "<polygon points=\"{}\" fill=\"{}\"/>", listed(points), hex(*fill))
            }
            Item::Circle {
                at: (x, y),
                radius,
                fill,
                stroke,
            } => writeln!(
                svg,
                "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{}\" {}/>",
                short(*x),
                short(*y),
                short(*radius),
                hex(*fill),
                stroked(stroke)
            ),
            Item::Text(text) => {
                let anchor = match text.anchor {
                    Anchor::Start => "start",
                    Anchor::Middle => "middle",
                    Anchor::End => "end",
                };
                let (x, y) = (short(text.at.0), short(text.at.1));
                let turned = if text.turned == 0.0 {
                    String::new()
                } else {
                    format!(" transform=\"rotate({} {x} {y})\"", short(-text.turned))
                };
                writeln!(
                    svg,
                    "<text x=\"{x}\" y=\"{y}\" font-size=\"{}\" text-anchor=\"{anchor}\" fill=\"{}\"{turned}>{}</text>",
                    short(text.size),
                    hex(text.color),
                    escaped(&text.line)
                )
            }
            Item::Picture { at, size, pixels } => {
                let mut png = Cursor::new(Vec::new());
                // Encoding to memory fails only for a picture without pixels, which shows nothing anyway.
                let _ = pixels.write_to(&mut png, ImageFormat::Png);
                writeln!(
                    svg,
                    "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" \
                     href=\"data:image/png;base64,{}\"/>",
                    short(at.0),
                    short(at.1),
                    short(size.0),
                    short(size.1),
                    STANDARD.encode(png.into_inner())
                )
            }
        };
    }
    svg + "</svg>\n"
}

fn stroked(stroke: &Stroke) -> String {
    let dash = stroke
        .dash
        .lengths()
        .map_or(String::new(), |[on, off]| format!(" stroke-dasharray=\"{on} {off}\""));
    let (color, width) = (hex(stroke.color), short(stroke.width));
    format!("stroke=\"{color}\" stroke-width=\"{width}\" stroke-linejoin=\"round\"{dash}")
}

fn listed(points: &[Point]) -> String {
    let points: Vec<String> = points
        .iter()
        .map(|(x, y)| format!("{},{}", short(*x), short(*y)))
        .collect();
    points.join(" ")
}

fn hex([r, g, b]: Color) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// A length with two decimals at most.
fn short(length: f64) -> String {
    let text = format!("{length:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
