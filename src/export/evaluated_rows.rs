//! The predictions of one evaluation, as the metrics take them.

use super::{ExportError, Selected, Source};
use crate::metrics::{Estimates, Scored, Speed, estimates, summarise};
use crate::session::{ImageResult, KeptEvaluation, LaterEvaluation, Metrics, Origin, later_evaluations, read_results};

/// An evaluation's rows, and whose they are.
pub struct EvaluatedRows {
    pub labels: Vec<String>,
    pub rows: Vec<ImageResult>,
    pub origin: Origin,
    probabilities: Vec<Vec<f64>>,
}

impl EvaluatedRows {
    /// The rows of the selected evaluation.
    ///
    /// # Errors
    /// There is none, it cannot be read, or it has no row.
    pub fn selected(source: &Source, selected: &Selected) -> Result<Self, ExportError> {
        Self::read(source, &selected.evaluation(source)?)
    }

    /// The rows of an evaluation.
    ///
    /// # Errors
    /// It cannot be read, or has no row.
    pub fn read(source: &Source, kept: &KeptEvaluation) -> Result<Self, ExportError> {
        let own_data = source.state.session.as_ref().map_or("", |session| &session.data);
        let rows = read_results(&kept.path)?;
        let Some(first) = rows.first() else {
            let none = format!(
                "the evaluation {} has no prediction, so there is nothing to show",
                kept.key
            );
            return Err(ExportError::Nothing(none));
        };
        let labels = first.prediction.probabilities.keys().cloned().collect();
        let probabilities = |row: &ImageResult| row.prediction.probabilities.values().copied().collect();
        Ok(Self {
            labels,
            probabilities: rows.iter().map(probabilities).collect(),
            origin: kept.origin(&source.name, own_data),
            rows,
        })
    }

    /// The rows whose gold label is one of the labels.
    #[must_use]
    pub fn scored(&self) -> Vec<Scored<'_>> {
        let place = |name: &str| self.labels.iter().position(|label| label == name);
        let rows = self.rows.iter().zip(&self.probabilities);
        let scored = rows.filter_map(|(row, probabilities)| {
            Some(Scored {
                gold: place(&row.gold)?,
                probabilities,
                generated: &row.prediction.generated,
            })
        });
        scored.collect()
    }

    /// All figures of the rows.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        summarise(&self.labels, &self.scored(), &self.origin.split, Speed::default())
    }

    /// The figures over all rows with their intervals.
    #[must_use]
    pub fn estimates(&self) -> Estimates {
        estimates(&self.labels, &self.scored())
    }

    /// `prompt@120, 160 images of test, data/drawn`
    #[must_use]
    pub fn said(&self) -> String {
        let Origin {
            stage,
            step,
            split,
            data,
            ..
        } = &self.origin;
        let of = match step {
            Some(step) => format!("{stage}@{step}, "),
            None if stage.is_empty() => String::new(),
            None => format!("{stage}, "),
        };
        let data = if data.is_empty() {
            String::new()
        } else {
            format!(", {data}")
        };
        format!("{of}{} images of {split}{data}", self.rows.len())
    }
}

/// The frozen model's figures on a split of the session's own data: the newest that `masp eval` kept, if any.
#[must_use]
pub fn frozen_on(source: &Source, split: &str) -> Option<Metrics> {
    let mut kept = later_evaluations(&source.folder).into_iter().rev();
    let frozen = kept.find(|kept| kept.is_frozen() && kept.split == split);
    frozen.as_ref().and_then(LaterEvaluation::metrics)
}
