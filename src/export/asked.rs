//! What is asked of an export.

use super::figures::{CurveMetric, FigureStyle};
use super::{ExportError, Selected, Source, What};

/// A kind of export, and how it is wanted.
#[derive(Default)]
pub struct Asked {
    pub selected: Selected,
    pub style: FigureStyle,
    /// What curves show; the loss where it is not said.
    pub metric: Option<CurveMetric>,
    /// The runs whose curves are drawn beside the session's own.
    pub with: Vec<Source>,
}

impl Asked {
    /// # Errors
    /// Something was asked that this kind of export would ignore.
    pub(super) fn check(&self, what: What) -> Result<(), ExportError> {
        self.selected.check(what)?;
        let refused = |said: &str| Err(ExportError::Selected(said.to_owned()));
        if !what.is_figure() && !self.style.is_usual() {
            return refused(
                "only figures (curves, confusion, reliability, classes, heatmaps) have a width, a height and a font",
            );
        }
        if what != What::Curves && self.metric.is_some() {
            return refused("a metric is chosen for curves alone; add --what curves, or leave --metric out");
        }
        if what != What::Curves && !self.with.is_empty() {
            return refused("only curves show several runs; add --what curves, or leave --with out");
        }
        Ok(())
    }
}
