//! The size of a figure and of its letters.

/// What a person asks of a figure; what is None follows from the kind of figure.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct FigureStyle {
    pub width_mm: Option<f64>,
    pub height_mm: Option<f64>,
    /// Height of the font in points.
    pub font_pt: Option<f64>,
}

/// A figure's size in points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Size {
    pub width: f64,
    pub height: f64,
    pub font: f64,
}

/// The width of a column of a paper.
pub const COLUMN_MM: f64 = 85.0;
/// The width of a paper's text.
pub const PAGE_MM: f64 = 174.0;
/// Millimetres that a figure may be wide and high.
const LEAST_MM: f64 = 20.0;
pub const MOST_MM: f64 = 500.0;
const LEAST_PT: f64 = 4.0;
const MOST_PT: f64 = 24.0;
const USUAL_PT: f64 = 8.0;

impl FigureStyle {
    /// A width or a height in millimetres, as it is typed.
    ///
    /// # Errors
    /// A sentence where it is no number or out of bounds.
    pub fn millimetres(text: &str) -> Result<f64, String> {
        bounded(text, LEAST_MM, MOST_MM, "millimetres")
    }

    /// The font's height in points, as it is typed.
    ///
    /// # Errors
    /// A sentence where it is no number or out of bounds.
    pub fn points(text: &str) -> Result<f64, String> {
        bounded(text, LEAST_PT, MOST_PT, "points")
    }

    /// The size, with these millimetres where none are asked for.
    pub(super) fn size(self, width_mm: f64, height_mm: f64) -> Size {
        let bounded = |mm: f64| mm_to_points(mm.clamp(LEAST_MM, MOST_MM));
        Size {
            width: bounded(self.width_mm.unwrap_or(width_mm)),
            height: bounded(self.height_mm.unwrap_or(height_mm)),
            font: self.font_pt.unwrap_or(USUAL_PT).clamp(LEAST_PT, MOST_PT),
        }
    }

    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

fn bounded(text: &str, least: f64, most: f64, unit: &str) -> Result<f64, String> {
    let number = text
        .parse::<f64>()
        .ok()
        .filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("a number of {unit} from {least} to {most} is needed"))
}

pub fn mm_to_points(mm: f64) -> f64 {
    mm * 72.0 / 25.4
}

pub fn points_to_mm(points: f64) -> f64 {
    points * 25.4 / 72.0
}
