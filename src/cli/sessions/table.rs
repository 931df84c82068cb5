//! Tables of sessions and evaluations as text.

use crate::cli::progress::duration;
use crate::printable::printable;
use crate::session::{SessionSummary, Utc};
use crate::text::{columns, pad};

/// A share, or a dash where it was not computed.
pub(super) fn figure(value: f64) -> String {
    if value.is_finite() {
        format!("{value:.4}")
    } else {
        "-".to_owned()
    }
}

/// The cells of a session: name, state, progress, steps, best, test, started, time, data, model.
pub(super) fn session_row(session: &SessionSummary) -> [String; 10] {
    let share = |accuracy: Option<f64>| accuracy.map(|a| format!("{:.2} %", 100.0 * a)).unwrap_or_default();
    [
        printable(&session.name).into_owned(),
        session.state.name().to_owned(),
        session.progress(),
        session.steps.to_string(),
        share(session.best_accuracy),
        share(session.test_accuracy),
        session
            .started
            .map(|start| Utc::from_seconds(start).to_minutes())
            .unwrap_or_default(),
        duration(session.duration),
        format!("{} {}", printable(&session.dataname), printable(&session.data)),
        printable(&session.model).into_owned(),
    ]
}

/// Columns padded to their widest cell; the last one is not padded. All rows have as many cells as the first.
pub(super) fn aligned<R: AsRef<[String]>>(table: &[R]) -> Vec<String> {
    let width = |column: usize| {
        let cells = table.iter().filter_map(|row| row.as_ref().get(column));
        cells.map(|cell| columns(cell)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..table.first().map_or(0, |row| row.as_ref().len()))
        .map(width)
        .collect();
    let line = |row: &R| {
        let cells = row.as_ref().iter().zip(&widths).map(|(cell, width)| pad(cell, *width));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    table.iter().map(line).collect()
}
