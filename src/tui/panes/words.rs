//! A model's text, in lines: its rationale, and the aspects' answers with their names beside them.

use ratatui::{
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::portrait::short_name;
use crate::{
    session::{Prediction, rationale_mark},
    text::{clean, clean_lines, wrap},
    theme::Theme,
};

/// Columns of the aspects' names.
const NAMES: usize = 12;

/// The rationale in lines, and each aspect's answer.
pub fn lines(prediction: &Prediction, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let (text, dim) = (Style::new().fg(theme.text), Style::new().fg(theme.dim));
    let rationale = prediction.rationale.trim();
    let mut lines: Vec<Line> = if rationale.is_empty() {
        wrapped("no rationale was asked for", width, dim)
    } else {
        clean_lines(rationale)
            .flat_map(|line| wrapped(&line, width, text))
            .collect()
    };
    lines.extend(mark(prediction, width, theme));
    lines.push(Line::default());
    let generated = clean(prediction.generated.trim());
    if generated != prediction.prediction && !generated.is_empty() {
        lines.extend(named("generated", &generated, width, text, dim));
    }
    for (view, aspect) in &prediction.aspects {
        let answer = clean(aspect.text.trim());
        let (answer, style) = if answer.is_empty() {
            ("–", dim)
        } else {
            (answer.as_str(), text.add_modifier(Modifier::BOLD))
        };
        lines.extend(named(short_name(*view), answer, width, style, dim));
    }
    lines
}

/// A warning if the rationale argues for another class than the predicted one.
pub fn mark(prediction: &Prediction, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    rationale_mark(prediction).map_or_else(Vec::new, |mark| {
        wrapped(&clean(&mark), width, Style::new().fg(theme.warning))
    })
}

/// A text in lines of at most `width` columns.
pub fn wrapped(text: &str, width: usize, style: Style) -> Vec<Line<'static>> {
    wrap(text, width)
        .into_iter()
        .map(|line| Line::styled(line, style))
        .collect()
}

/// A name, and beside it its text, wrapped in its own column.
pub fn named(name: &'static str, text: &str, width: usize, style: Style, dim: Style) -> Vec<Line<'static>> {
    let lines = wrap(text, width.saturating_sub(NAMES));
    let names = std::iter::once(name).chain(std::iter::repeat(""));
    names
        .zip(lines)
        .map(|(name, line)| {
            Line::from(vec![
                Span::styled(format!("{name:<NAMES$}"), dim),
                Span::styled(line, style),
            ])
        })
        .collect()
}
