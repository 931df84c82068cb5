//! A drawing as a PDF of one page. Its text is text in an embedded font, as publishers ask for.

use std::collections::BTreeMap;

use miniz_oxide::deflate::compress_to_vec_zlib;
use pdf_writer::types::{CidFontType, FontFlags, LineJoinStyle, SystemInfo, UnicodeCmap};
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

use super::drawing::{Color, Drawing, Item, Point, Stroke, Text};
use super::font;

const CATALOG: Ref = Ref::new(1);
const PAGES: Ref = Ref::new(2);
const PAGE: Ref = Ref::new(3);
const CONTENT: Ref = Ref::new(4);
const INFO: Ref = Ref::new(5);
const FONT: Ref = Ref::new(6);
const CID_FONT: Ref = Ref::new(7);
const DESCRIPTOR: Ref = Ref::new(8);
const FONT_FILE: Ref = Ref::new(9);
const TO_UNICODE: Ref = Ref::new(10);
/// Pictures follow.
const FIRST_PICTURE: i32 = 11;

const FONT_NAME: Name = Name(b"F0");
/// Six letters and a plus mark a part of a font.
const BASE_FONT: Name = Name(b"MASPFG+Arimo");
const ADOBE_IDENTITY: SystemInfo = SystemInfo {
    registry: Str(b"Adobe"),
    ordering: Str(b"Identity"),
    supplement: 0,
};
/// zlib's usual effort.
const LEVEL: u8 = 6;
/// The distance of a curve's control points that makes four of them a circle.
const ROUND: f64 = 0.552_284_75;

/// The file's bytes.
pub fn pdf(drawing: &Drawing) -> Vec<u8> {
    let mut pdf = Pdf::new();
    let mut page = Painter {
        content: Content::new(),
        height: drawing.height,
        glyphs: BTreeMap::new(),
        pictures: Vec::new(),
    };
    for item in &drawing.items {
        page.item(item);
    }
    pdf.catalog(CATALOG).pages(PAGES);
    pdf.pages(PAGES).kids([PAGE]).count(1);
    let mut written = pdf.page(PAGE);
    written.parent(PAGES).contents(CONTENT);
    written.media_box(Rect::new(0.0, 0.0, drawing.width as f32, drawing.height as f32));
    let names: Vec<(String, Ref)> = (0..)
        .zip(&page.pictures)
        .map(|(place, _)| (picture_name(place), Ref::new(FIRST_PICTURE + place)))
        .collect();
    let mut resources = written.resources();
    resources.fonts().pair(FONT_NAME, FONT);
    let mut pictures = resources.x_objects();
    for (name, at) in &names {
        pictures.pair(Name(name.as_bytes()), *at);
    }
    pictures.finish();
    resources.finish();
    written.finish();
    let mut info = pdf.document_info(INFO);
    info.title(TextStr(&drawing.title));
    info.producer(TextStr(concat!("masp ", env!("CARGO_PKG_VERSION"))));
    info.finish();
    for (pixels, (_, at)) in page.pictures.iter().zip(&names) {
        let packed = compress_to_vec_zlib(pixels.as_raw(), LEVEL);
        let mut picture = pdf.image_xobject(*at, &packed);
        picture.filter(Filter::FlateDecode);
        picture.width(pixels.width().cast_signed());
        picture.height(pixels.height().cast_signed());
        picture.color_space().device_rgb();
        picture.bits_per_component(8);
    }
    embed_font(&mut pdf, &page.glyphs);
    let content = compress_to_vec_zlib(page.content.finish().as_slice(), LEVEL);
    pdf.stream(CONTENT, &content).filter(Filter::FlateDecode);
    pdf.finish()
}

fn picture_name(place: i32) -> String {
    format!("P{place}")
}

/// The font, and which characters its glyphs are, so that the text can be found and copied.
fn embed_font(pdf: &mut Pdf, glyphs: &BTreeMap<u16, char>) {
    let Some(face) = font::face() else { return };
    let scaled = |units: i16| 1000.0 * f32::from(units) / f32::from(face.units_per_em());
    pdf.type0_font(FONT)
        .base_font(BASE_FONT)
        .encoding_predefined(Name(b"Identity-H"))
        .descendant_font(CID_FONT)
        .to_unicode(TO_UNICODE);
    let mut cid = pdf.cid_font(CID_FONT);
    cid.subtype(CidFontType::Type2)
        .base_font(BASE_FONT)
        .system_info(ADOBE_IDENTITY)
        .font_descriptor(DESCRIPTOR)
        .cid_to_gid_map_predefined(Name(b"Identity"));
    let mut widths = cid.widths();
    for (&glyph, &c) in glyphs {
        widths.consecutive(glyph, [1000.0 * font::glyph(c).1 as f32]);
    }
    widths.finish();
    cid.finish();
    let bounds = face.global_bounding_box();
    pdf.font_descriptor(DESCRIPTOR)
        .name(BASE_FONT)
        .flags(FontFlags::NON_SYMBOLIC)
        .bbox(Rect::new(
            scaled(bounds.x_min),
            scaled(bounds.y_min),
            scaled(bounds.x_max),
            scaled(bounds.y_max),
        ))
        .italic_angle(0.0)
        .ascent(scaled(face.ascender()))
        .descent(scaled(face.descender()))
        .cap_height(1000.0 * font::CAPITALS as f32)
        .stem_v(88.0)
        .font_file2(FONT_FILE);
    let packed = compress_to_vec_zlib(font::FILE, LEVEL);
    let length = i32::try_from(font::FILE.len()).unwrap_or(i32::MAX);
    pdf.stream(FONT_FILE, &packed)
        .filter(Filter::FlateDecode)
        .pair(Name(b"Length1"), length);
    let mut map = UnicodeCmap::new(Name(b"Custom"), ADOBE_IDENTITY);
    for (&glyph, &c) in glyphs {
        map.pair(glyph, c);
    }
    pdf.cmap(TO_UNICODE, map.finish().as_slice());
}

/// The page's content so far. A PDF's y goes up.
struct Painter<'a> {
    content: Content,
    height: f64,
    /// The glyphs used, each with a character that it shows.
    glyphs: BTreeMap<u16, char>,
    pictures: Vec<&'a image::RgbImage>,
}

impl<'a> Painter<'a> {
    fn item(&mut self, item: &'a Item) {
        match item {
            Item::Line { points, stroke } => {
                self.stroke(stroke);
                self.path(points);
                self.content.stroke();
            }
            Item::Area { points, fill } => {
                self.fill(*fill);
                self.path(points);
                self.content.close_path().fill_nonzero();
            }
            Item::Circle {
                at,
                radius,
                fill,
                stroke,
            } => {
                self.fill(*fill);
                self.stroke(stroke);
                self.circle(*at, *radius);
            }
            Item::Text(text) => self.text(text),
            Item::Picture {
                at: (x, y),
                size: (width, height),
                pixels,
            } => {
                let name = picture_name(self.pictures.len() as i32);
                self.pictures.push(pixels);
                let bottom = self.height - y - height;
                self.content.save_state();
                let placed = [*width, 0.0, 0.0, *height, *x, bottom].map(|part| part as f32);
                self.content.transform(placed).x_object(Name(name.as_bytes()));
                self.content.restore_state();
            }
        }
    }

    fn at(&self, (x, y): Point) -> (f32, f32) {
        (x as f32, (self.height - y) as f32)
    }

    fn path(&mut self, points: &[Point]) {
        for (place, point) in points.iter().enumerate() {
            let (x, y) = self.at(*point);
            if place == 0 {
                self.content.move_to(x, y);
            } else {
                self.content.line_to(x, y);
            }
        }
    }

    fn circle(&mut self, (x, y): Point, radius: f64) {
        let point = |dx: f64, dy: f64| (x + radius * dx, y + radius * dy);
        let (begin_x, begin_y) = self.at(point(1.0, 0.0));
        self.content.move_to(begin_x, begin_y);
        for [(ax, ay), (bx, by), end] in [
            [(1.0, ROUND), (ROUND, 1.0), (0.0, 1.0)],
            [(-ROUND, 1.0), (-1.0, ROUND), (-1.0, 0.0)],
            [(-1.0, -ROUND), (-ROUND, -1.0), (0.0, -1.0)],
            [(ROUND, -1.0), (1.0, -ROUND), (1.0, 0.0)],
        ] {
            let (ax, ay) = self.at(point(ax, ay));
            let (bx, by) = self.at(point(bx, by));
            let (end_x, end_y) = self.at(point(end.0, end.1));
            self.content.cubic_to(ax, ay, bx, by, end_x, end_y);
        }
        self.content.close_path().fill_nonzero_and_stroke();
    }

    fn text(&mut self, text: &Text) {
        let (x, y) = self.at(text.begin());
        let (sin, cos) = text.turned.to_radians().sin_cos();
        let (sin, cos) = (sin as f32, cos as f32);
        let mut bytes = Vec::new();
        for c in text.line.chars() {
            let glyph = font::glyph(c).0.0;
            self.glyphs.entry(glyph).or_insert(c);
            bytes.extend(glyph.to_be_bytes());
        }
        self.fill(text.color);
        self.content.begin_text().set_font(FONT_NAME, text.size as f32);
        self.content.set_text_matrix([cos, sin, -sin, cos, x, y]);
        self.content.show(Str(&bytes)).end_text();
    }

    fn fill(&mut self, color: Color) {
        let [r, g, b] = color.map(|part| f32::from(part) / 255.0);
        self.content.set_fill_rgb(r, g, b);
    }

    fn stroke(&mut self, stroke: &Stroke) {
        let [r, g, b] = stroke.color.map(|part| f32::from(part) / 255.0);
        self.content
            .set_stroke_rgb(r, g, b)
            .set_line_width(stroke.width as f32)
            .set_line_join(LineJoinStyle::RoundJoin);
        let dash = stroke.dash.lengths().map(|lengths| lengths.map(|length| length as f32));
        self.content.set_dash_pattern(dash.into_iter().flatten(), 0.0);
    }
}
