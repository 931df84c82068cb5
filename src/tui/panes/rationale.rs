//! Why the model says what it says, and what each aspect answered.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::Widget,
};

use super::{
    frame::{bordered, more_below, nothing_yet},
    sample::{answer_of_now, predicted, source},
    scene::Scene,
};
use crate::{
    session::{Prediction, rationale_mark},
    text::{clean, clean_lines, wrap},
    theme::Theme,
    tui::{panes::portrait::short_name, ui::Pane},
};

/// Paints the pane.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let sample = scene.cursor.sample(scene.state).cloned();
    let answer = sample.as_ref().and_then(|sample| answer_of_now(sample, scene));
    let said = answer.as_ref().and_then(predicted);
    let note = sample
        .as_ref()
        .map(|sample| format!("why {}", clean(said.unwrap_or(&sample.prediction))))
        .unwrap_or_default();
    let inner = bordered(Pane::Rationale, "rationale", &note, area, buffer, scene);
    let Some(sample) = sample else {
        return nothing_yet("reasons come with the first sample", inner, buffer, scene.theme);
    };
    let source = source(&sample, answer, scene);
    let look = scene.pictures.look(&source);
    let Some(prediction) = look.as_ref().and_then(|look| look.prediction.as_ref()) else {
        return nothing_yet("…", inner, buffer, scene.theme);
    };
    let lines = match prediction {
        Ok(prediction) => lines(prediction, inner.width.into(), scene.theme),
        Err(error) => wrapped(&clean(error), inner.width.into(), Style::new().fg(scene.theme.bad)),
    };
    let hidden = lines.len().saturating_sub(inner.height.into());
    let from = scene.ui.scrolled(Pane::Rationale, hidden);
    more_below(hidden - from, area, buffer, scene.theme);
    for (y, line) in (inner.y..inner.bottom()).zip(lines.into_iter().skip(from)) {
        line.render(Rect { y, height: 1, ..inner }, buffer);
    }
}

/// The aspects' names take so many columns.
const NAMES: usize = 12;

pub(super) fn lines(prediction: &Prediction, width: usize, theme: &Theme) -> Vec<Line<'static>> {
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

/// Says so where the rationale argues for another class than the one that was said.
pub(super) fn mark(prediction: &Prediction, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    rationale_mark(prediction).map_or_else(Vec::new, |mark| {
        wrapped(&clean(&mark), width, Style::new().fg(theme.warning))
    })
}

pub(super) fn wrapped(text: &str, width: usize, style: Style) -> Vec<Line<'static>> {
    wrap(text, width)
        .into_iter()
        .map(|line| Line::styled(line, style))
        .collect()
}

/// A name and its text beside it, wrapped in its own column.
pub(super) fn named(name: &'static str, text: &str, width: usize, style: Style, dim: Style) -> Vec<Line<'static>> {
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
