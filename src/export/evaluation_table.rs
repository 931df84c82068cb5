//! The figures of one evaluation with their intervals, as tables for a paper.

use super::evaluated_rows::EvaluatedRows;
use super::tabular::{Head, for_latex, latex, markdown};
use crate::figures::{calibration, fixed, percent};
use crate::metrics::{Estimate, Estimates, wilson};
use crate::printable::printable;
use crate::session::Metrics;

/// Markdown: a line that says what was evaluated, the figures over all images, the figures of each class.
#[must_use]
pub fn evaluation_markdown(evaluated: &EvaluatedRows, frozen: Option<&Metrics>) -> String {
    let (metrics, of) = (evaluated.metrics(), evaluated.estimates());
    let ((heads, rows), (class_heads, classes)) = (figures(&metrics, Some(&of), frozen), by_class(&metrics));
    format!(
        "{}: {}\n\n{}\n{}",
        printable(&evaluated.origin.session),
        printable(&evaluated.said()),
        markdown(&heads, &rows),
        markdown(&class_heads, &classes)
    )
}

/// LaTeX: the same with a comment in place of the line.
#[must_use]
pub fn evaluation_latex(evaluated: &EvaluatedRows, frozen: Option<&Metrics>) -> String {
    let (metrics, of) = (evaluated.metrics(), evaluated.estimates());
    let ((heads, rows), (class_heads, classes)) = (figures(&metrics, Some(&of), frozen), by_class(&metrics));
    format!(
        "% {}: {}\n{}\n{}",
        for_latex(&evaluated.origin.session),
        for_latex(&evaluated.said()),
        latex(&heads, &rows),
        latex(&class_heads, &classes)
    )
}

type Table = (Vec<Head>, Vec<Vec<String>>);

/// A row a figure: its value, its 95 % interval where the images' predictions are known, and the frozen model's value where
/// that is known.
pub fn figures(metrics: &Metrics, of: Option<&Estimates>, frozen: Option<&Metrics>) -> Table {
    type Value = fn(&Metrics) -> Option<f64>;
    type Interval = fn(&Estimates) -> Option<Estimate>;
    type Row<'a> = (&'a str, fn(f64) -> String, Value, Interval);
    let distance = |number: f64| {
        if number.is_finite() {
            fixed(number, 3)
        } else {
            "–".to_owned()
        }
    };
    let all: [Row; 7] = [
        ("accuracy", percent, |m| Some(m.accuracy), |of| Some(of.accuracy)),
        (
            "accuracy, generated",
            percent,
            |m| Some(m.accuracy_generated),
            |of| Some(of.accuracy_generated),
        ),
        ("macro-F1", percent, |m| Some(m.macro_f1), |of| Some(of.macro_f1)),
        ("ECE", calibration, |m| Some(m.ece), |of| Some(of.ece)),
        ("Brier score", calibration, |m| Some(m.brier), |of| Some(of.brier)),
        (
            "polarity accuracy",
            percent,
            |m| m.polarity_accuracy,
            |of| of.polarity_accuracy,
        ),
        (
            "distance on the wheel",
            distance,
            |m| m.wheel_distance,
            |of| of.wheel_distance,
        ),
    ];
    let mut heads = vec![head("figure", true), head("value", false)];
    heads.extend(of.map(|_| head("95 % interval", false)));
    heads.extend(frozen.map(|_| head("frozen model", false)));
    let rows = all.into_iter().filter_map(|(name, shown, value, estimate)| {
        let mut row = vec![name.to_owned(), shown(value(metrics)?)];
        row.extend(of.map(|of| estimate(of).map_or("–".to_owned(), |estimate| interval(estimate, shown))));
        row.extend(frozen.map(|frozen| value(frozen).map_or("–".to_owned(), shown)));
        Some(row)
    });
    (heads, rows.collect())
}

/// A row a class: recall with its 95 % interval, precision, F1, number of images.
pub fn by_class(metrics: &Metrics) -> Table {
    let heads = vec![
        head("class", true),
        head("recall", false),
        head("95 % interval", false),
        head("precision", false),
        head("F1", false),
        head("images", false),
    ];
    let rows = metrics.per_class.keys().filter_map(|label| {
        let class = metrics.class(label)?;
        let right = (class.recall * class.support as f64).round() as usize;
        let recall = wilson(right, class.support);
        Some(vec![
            label.clone(),
            percent(class.recall),
            recall.map_or("–".to_owned(), |recall| interval(recall, percent)),
            percent(class.precision),
            percent(class.f1),
            class.support.to_string(),
        ])
    });
    (heads, rows.collect())
}

/// `[86.1, 94.9] %`
fn interval(of: Estimate, shown: fn(f64) -> String) -> String {
    let (low, high) = (shown(of.low), shown(of.high));
    match (low.strip_suffix(" %"), high.strip_suffix(" %")) {
        (Some(low), Some(high)) => format!("[{low}, {high}] %"),
        _ => format!("[{low}, {high}]"),
    }
}

fn head(name: &str, is_text: bool) -> Head {
    Head {
        name: name.to_owned(),
        is_text,
    }
}
