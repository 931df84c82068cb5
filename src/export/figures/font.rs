//! The figures' font: a part of Arimo, whose letters are as wide as those of Helvetica and Arial, so that a text has the same
//! length in a PDF, in a PNG and, with either font, in an SVG.

use std::sync::LazyLock;

use ttf_parser::{Face, GlyphId};

/// A TrueType file. Its licence is `assets/font/OFL.txt`.
pub const FILE: &[u8] = include_bytes!("../../../assets/font/Arimo-subset.ttf");
/// The font's name in an SVG, with those that are as wide.
pub const FAMILY: &str = "Arimo, Helvetica, Arial, 'Liberation Sans', sans-serif";
/// Height of the capital letters as a share of the font's height.
pub const CAPITALS: f64 = 0.688;

static FACE: LazyLock<Option<Face<'static>>> = LazyLock::new(|| Face::parse(FILE, 0).ok());

/// The font; None would mean that the program's own file is damaged.
pub fn face() -> Option<&'static Face<'static>> {
    FACE.as_ref()
}

/// The glyph of a character, with its advance in ems. A character that the font lacks has the glyph of a missing one.
pub fn glyph(c: char) -> (GlyphId, f64) {
    let Some(face) = face() else {
        return (GlyphId(0), 0.5);
    };
    let glyph = face.glyph_index(c).unwrap_or(GlyphId(0));
    let advance = face.glyph_hor_advance(glyph).unwrap_or_default();
    (glyph, f64::from(advance) / f64::from(face.units_per_em()))
}

/// The length of a line of text.
pub fn width(text: &str, size: f64) -> f64 {
    text.chars().map(|c| glyph(c).1).sum::<f64>() * size
}

/// The text, or its beginning with an ellipsis where it is longer than `longest`.
pub fn fitted(text: &str, size: f64, longest: f64) -> String {
    if width(text, size) <= longest {
        return text.to_owned();
    }
    let mut left = longest - width("…", size);
    let begin = text.chars().take_while(|&c| {
        left -= glyph(c).1 * size;
        left >= 0.0
    });
    let begin: String = begin.collect();
    begin.trim_end().to_owned() + "…"
}
