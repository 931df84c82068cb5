//! A drawing: lines, areas, text and pictures on a page. Lengths are points (1/72 inch), the origin is the upper left corner.

use image::RgbImage;

use super::font;
use crate::printable::printable;

/// Red, green, blue.
pub type Color = [u8; 3];

/// x to the right, y down.
pub type Point = (f64, f64);

pub const BLACK: Color = [0; 3];
pub const WHITE: Color = [255; 3];

/// A page with what is drawn on it, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    pub width: f64,
    pub height: f64,
    /// One sentence that says what is shown, for readers who do not see it.
    pub title: String,
    /// What else the file says of itself: keyword and text.
    pub words: Vec<(&'static str, String)>,
    pub(super) items: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    Line {
        points: Vec<Point>,
        stroke: Stroke,
    },
    Area {
        points: Vec<Point>,
        fill: Color,
    },
    Circle {
        at: Point,
        radius: f64,
        fill: Color,
        stroke: Stroke,
    },
    Text(Text),
    Picture {
        at: Point,
        size: (f64, f64),
        pixels: RgbImage,
    },
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stroke {
    pub color: Color,
    pub width: f64,
    pub dash: Dash,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dash {
    Solid,
    Dashed,
    Dotted,
}

impl Dash {
    /// Lengths of stroke and gap; none for a solid line.
    pub const fn lengths(self) -> Option<[f64; 2]> {
        match self {
            Self::Solid => None,
            Self::Dashed => Some([3.0, 1.8]),
            Self::Dotted => Some([0.9, 1.5]),
        }
    }
}

/// A line of text.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// On the baseline.
    pub at: Point,
    pub line: String,
    /// Height of the font in points.
    pub size: f64,
    /// Which of its points lies at `at`.
    pub anchor: Anchor,
    /// Degrees counter-clockwise.
    pub turned: f64,
    pub color: Color,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

impl Text {
    /// The beginning of its baseline.
    pub fn begin(&self) -> Point {
        let before = match self.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => font::width(&self.line, self.size) / 2.0,
            Anchor::End => font::width(&self.line, self.size),
        };
        let (sin, cos) = self.turned.to_radians().sin_cos();
        (self.at.0 - before * cos, self.at.1 + before * sin)
    }
}

impl Stroke {
    pub const fn new(color: Color, width: f64) -> Self {
        Self {
            color,
            width,
            dash: Dash::Solid,
        }
    }

    pub const fn dashed(self, dash: Dash) -> Self {
        Self { dash, ..self }
    }
}

impl Drawing {
    pub fn new(width: f64, height: f64, title: String) -> Self {
        Self {
            width,
            height,
            title: printable(&title).into_owned(),
            words: Vec::new(),
            items: Vec::new(),
        }
    }

    pub fn line(&mut self, points: Vec<Point>, stroke: Stroke) {
        if points.len() > 1 {
            self.items.push(Item::Line { points, stroke });
        }
    }

    pub fn area(&mut self, points: Vec<Point>, fill: Color) {
        self.items.push(Item::Area { points, fill });
    }

    pub fn rectangle(&mut self, (x, y): Point, (width, height): (f64, f64), fill: Color) {
        let points = vec![(x, y), (x + width, y), (x + width, y + height), (x, y + height)];
        self.area(points, fill);
    }

    pub fn circle(&mut self, at: Point, radius: f64, fill: Color, stroke: Stroke) {
        self.items.push(Item::Circle {
            at,
            radius,
            fill,
            stroke,
        });
    }

    /// A level line of black text.
    pub fn text(&mut self, at: Point, text: &str, size: f64, anchor: Anchor) {
        self.turned(at, text, size, anchor, 0.0);
    }

    pub fn turned(&mut self, at: Point, text: &str, size: f64, anchor: Anchor, turned: f64) {
        self.colored(at, text, (size, turned), anchor, BLACK);
    }

    /// Text of a color, with its size and its degrees counter-clockwise.
    pub fn colored(&mut self, at: Point, text: &str, (size, turned): (f64, f64), anchor: Anchor, color: Color) {
        self.items.push(Item::Text(Text {
            at,
            line: printable(text).into_owned(),
            size,
            anchor,
            turned,
            color,
        }));
    }

    pub fn picture(&mut self, at: Point, size: (f64, f64), pixels: RgbImage) {
        self.items.push(Item::Picture { at, size, pixels });
    }
}
