//! The figures of a session with their titles, which say what they are made of.

use super::evaluated_rows::EvaluatedRows;
use super::figures::{self, CurveMetric, Drawing, FigureStyle, Run};
use super::{ExportError, Source};
use crate::metrics;
use crate::session::{Metrics, RunState, StageHistory};

/// A metric over the steps of the session and of others.
///
/// # Errors
/// Where no run has such a figure.
pub fn curves(
    source: &Source,
    with: &[Source],
    metric: &CurveMetric,
    style: FigureStyle,
) -> Result<Drawing, ExportError> {
    let sources: Vec<&Source> = std::iter::once(source).chain(with).collect();
    let told: Vec<String> = sources
        .iter()
        .map(|source| run_title(&source.name, &source.state))
        .collect();
    let runs: Vec<Run> = sources
        .iter()
        .map(|source| Run {
            name: &source.name,
            state: &source.state,
        })
        .collect();
    figures::curves(&runs, metric, style, format!("{metric}: {}", told.join(". ")))
}

/// The confusion matrix of an evaluation.
#[must_use]
pub fn confusion(evaluated: &EvaluatedRows, style: FigureStyle) -> Drawing {
    let title = title("confusion matrix", evaluated);
    figures::confusion(&evaluated.metrics().confusion, style, title)
}

/// The reliability diagram of an evaluation.
#[must_use]
pub fn reliability(evaluated: &EvaluatedRows, style: FigureStyle) -> Drawing {
    let scored = evaluated.scored();
    let ece = metrics::expected_calibration_error(&scored);
    figures::reliability(
        &metrics::reliability(&scored),
        ece,
        style,
        title("reliability", evaluated),
    )
}

/// The recall of each class of an evaluation.
#[must_use]
pub fn classes(evaluated: &EvaluatedRows, frozen: Option<&Metrics>, style: FigureStyle) -> Drawing {
    figures::classes(
        &evaluated.metrics(),
        frozen,
        style,
        title("recall of each class", evaluated),
    )
}

fn title(what: &str, evaluated: &EvaluatedRows) -> String {
    format!("{}: {what}, {}", evaluated.origin.session, evaluated.said())
}

/// `demo, aspects to step 120, prompt to step 120; validation on 96 images of val, data/drawn`
fn run_title(name: &str, state: &RunState) -> String {
    let told: Vec<String> = state
        .stages
        .iter()
        .map(|(stage, history)| format!("{} to step {}", stage.name(), StageHistory::last_step(history)))
        .collect();
    let mut title = format!("{name}, {}", told.join(", "));
    let newest = state
        .stages
        .values()
        .rev()
        .find_map(|history| history.evaluations.last());
    if let Some(seen) = newest {
        let own = state.session.as_ref().map(|session| session.data.as_str());
        let metrics = &seen.metrics;
        title += &format!(
            "; validation on {} images of {}, {}",
            metrics.samples,
            metrics.split,
            metrics.data.as_deref().or(own).unwrap_or_default()
        );
    }
    title
}
