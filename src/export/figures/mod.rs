//! Drawings for a paper: each is drawn once and written as SVG, PDF or PNG.

mod classes;
mod confusion;
mod curve_metric;
mod curves;
mod drawing;
mod font;
mod legend;
mod palette;
mod panel;
mod pdf;
mod plot;
mod raster;
mod reliability;
mod style;
mod svg;
#[cfg(test)]
mod tests;
mod ticks;

pub use classes::classes;
pub use confusion::confusion;
pub use curve_metric::{BadMetric, CurveMetric};
pub use curves::{Run, curves};
pub use drawing::Drawing;
pub use panel::{PanelRow, panel};
pub use reliability::reliability;
pub use style::FigureStyle;

use super::ExportError;

/// The drawing as a file with this ending: `svg`, `pdf`, else PNG.
///
/// # Errors
/// A drawing that is too large for a PNG.
pub fn encoded(drawing: &Drawing, ending: &str) -> Result<Vec<u8>, ExportError> {
    match ending {
        "svg" => Ok(svg::svg(drawing).into_bytes()),
        "pdf" => Ok(pdf::pdf(drawing)),
        _ => raster::png(drawing)
            .ok_or_else(|| ExportError::Nothing("the figure cannot be painted as a PNG; make it smaller".to_owned())),
    }
}

/// The drawing as a part of a page.
#[must_use]
pub fn inline(drawing: &Drawing) -> String {
    svg::svg(drawing)
}
