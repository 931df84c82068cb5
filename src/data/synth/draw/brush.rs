//! Shapes on a pixmap, in the coordinates of a 112-pixel picture or of a box within it. Colours are `0xRRGGBB`.

use tiny_skia::{
    Color, FillRule, GradientStop, LineCap, LineJoin, LinearGradient, Paint, Path, PathBuilder,
    Pixmap, Point, RadialGradient, Rect, SpreadMode, Stroke, Transform,
};

use crate::data::synth::scene::Bounds;

/// Draws shapes; one whose coordinates give no area draws nothing.
pub struct Brush<'a> {
    pixmap: &'a mut Pixmap,
    transform: Transform,
    opacity: f32,
}

impl<'a> Brush<'a> {
    /// Coordinates from 0 to 112 cover `pixmap`.
    pub fn new(pixmap: &'a mut Pixmap) -> Self {
        let scale = pixmap.width() as f32 / 112.0;
        Self {
            pixmap,
            transform: Transform::from_scale(scale, scale),
            opacity: 1.0,
        }
    }

    /// Coordinates from 0 to 1 cover `bounds` (pixels), from right to left if `mirrored`.
    pub fn within(&mut self, bounds: &Bounds, mirrored: bool) -> Brush<'_> {
        let [left, top, right, bottom] = *bounds;
        let transform = if mirrored {
            Transform::from_row(left - right, 0.0, 0.0, bottom - top, right, top)
        } else {
            Transform::from_row(right - left, 0.0, 0.0, bottom - top, left, top)
        };
        Brush {
            pixmap: &mut *self.pixmap,
            transform,
            opacity: self.opacity,
        }
    }

    /// Coordinates `x`, `y` of this brush become the origin, and lengths grow `scale` times (`scale.0` below 0 mirrors).
    pub fn at(&mut self, x: f32, y: f32, scale: (f32, f32)) -> Brush<'_> {
        let transform = self
            .transform
            .pre_translate(x, y)
            .pre_scale(scale.0, scale.1);
        Brush {
            pixmap: &mut *self.pixmap,
            transform,
            opacity: self.opacity,
        }
    }

    /// The same brush with see-through colour.
    pub fn faint(&mut self, opacity: f32) -> Brush<'_> {
        Brush {
            pixmap: &mut *self.pixmap,
            transform: self.transform,
            opacity,
        }
    }

    pub fn circle(&mut self, x: f32, y: f32, radius: f32, colour: u32) {
        self.ellipse(x, y, radius, radius, colour);
    }

    pub fn ellipse(&mut self, x: f32, y: f32, rx: f32, ry: f32, colour: u32) {
        let path = Rect::from_ltrb(x - rx, y - ry, x + rx, y + ry).and_then(PathBuilder::from_oval);
        self.fill(path, &self.paint(colour));
    }

    pub fn rect(&mut self, left: f32, top: f32, right: f32, bottom: f32, colour: u32) {
        let path = Rect::from_ltrb(left, top, right, bottom).map(PathBuilder::from_rect);
        self.fill(path, &self.paint(colour));
    }

    pub fn polygon(&mut self, points: &[(f32, f32)], colour: u32) {
        self.fill(outline(points, true), &self.paint(colour));
    }

    /// A line through `points` with round ends.
    pub fn line(&mut self, points: &[(f32, f32)], width: f32, colour: u32) {
        if let Some(path) = outline(points, false) {
            let stroke = Stroke {
                width,
                line_cap: LineCap::Round,
                line_join: LineJoin::Round,
                ..Stroke::default()
            };
            self.pixmap
                .stroke_path(&path, &self.paint(colour), &stroke, self.transform, None);
        }
    }

    /// A part of an ellipse's edge; degrees, clockwise from the right.
    pub fn arc(
        &mut self,
        centre: (f32, f32),
        radii: (f32, f32),
        degrees: (f32, f32),
        width: f32,
        colour: u32,
    ) {
        self.line(&sector(centre, radii, degrees), width, colour);
    }

    /// A part of an ellipse, cut off by the straight line between its ends.
    pub fn segment(
        &mut self,
        centre: (f32, f32),
        radii: (f32, f32),
        degrees: (f32, f32),
        colour: u32,
    ) {
        self.polygon(&sector(centre, radii, degrees), colour);
    }

    /// A rectangle that goes from one colour at its top to another at its bottom.
    pub fn gradient(&mut self, left: f32, top: f32, right: f32, bottom: f32, from: u32, to: u32) {
        let stops = vec![
            GradientStop::new(0.0, self.colour(from)),
            GradientStop::new(1.0, self.colour(to)),
        ];
        let (start, end) = (Point::from_xy(0.0, top), Point::from_xy(0.0, bottom));
        if let Some(shader) =
            LinearGradient::new(start, end, stops, SpreadMode::Pad, Transform::identity())
        {
            let paint = Paint {
                shader,
                ..Paint::default()
            };
            self.fill(
                Rect::from_ltrb(left, top, right, bottom).map(PathBuilder::from_rect),
                &paint,
            );
        }
    }

    /// Light that fades out from a point.
    pub fn glow(&mut self, x: f32, y: f32, radius: f32, colour: u32) {
        let clear = with_alpha(colour, 0.0);
        let stops = vec![
            GradientStop::new(0.0, self.colour(colour)),
            GradientStop::new(1.0, clear),
        ];
        let centre = Point::from_xy(x, y);
        let shader = RadialGradient::new(
            centre,
            0.0,
            centre,
            radius,
            stops,
            SpreadMode::Pad,
            Transform::identity(),
        );
        if let Some(shader) = shader {
            let paint = Paint {
                shader,
                ..Paint::default()
            };
            let square = Rect::from_ltrb(x - radius, y - radius, x + radius, y + radius);
            self.fill(square.map(PathBuilder::from_rect), &paint);
        }
    }

    fn fill(&mut self, path: Option<Path>, paint: &Paint<'_>) {
        if let Some(path) = path {
            self.pixmap
                .fill_path(&path, paint, FillRule::Winding, self.transform, None);
        }
    }

    fn paint(&self, colour: u32) -> Paint<'static> {
        let mut paint = Paint::default();
        paint.set_color(self.colour(colour));
        paint
    }

    fn colour(&self, colour: u32) -> Color {
        with_alpha(colour, self.opacity)
    }
}

/// A colour between `a` (at 0) and `b` (at 1).
pub fn mix(a: u32, b: u32, share: f32) -> u32 {
    let channel = |shift: u32| {
        let (a, b) = ((a >> shift & 0xff) as f32, (b >> shift & 0xff) as f32);
        ((a + (b - a) * share).round().clamp(0.0, 255.0) as u32) << shift
    };
    channel(16) | channel(8) | channel(0)
}

fn with_alpha(colour: u32, opacity: f32) -> Color {
    let [_, red, green, blue] = colour.to_be_bytes();
    Color::from_rgba8(
        red,
        green,
        blue,
        (opacity.clamp(0.0, 1.0) * 255.0).round() as u8,
    )
}

fn outline(points: &[(f32, f32)], closed: bool) -> Option<Path> {
    let (first, rest) = points.split_first()?;
    let mut path = PathBuilder::new();
    path.move_to(first.0, first.1);
    rest.iter().for_each(|point| path.line_to(point.0, point.1));
    if closed {
        path.close();
    }
    path.finish()
}

fn sector(centre: (f32, f32), radii: (f32, f32), degrees: (f32, f32)) -> Vec<(f32, f32)> {
    (0..=16)
        .map(|step| {
            let angle = (degrees.0 + (degrees.1 - degrees.0) * step as f32 / 16.0).to_radians();
            (
                centre.0 + radii.0 * angle.cos(),
                centre.1 + radii.1 * angle.sin(),
            )
        })
        .collect()
}
