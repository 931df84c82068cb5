//! The rationale of the model's prediction, and each aspect's answer.

use ratatui::{buffer::Buffer, layout::Rect, style::Style, widgets::Widget};

use super::sample::{answer_of_now, predicted, source};
use crate::{
    text::clean,
    tui::{
        panes::{
            frame::{bordered, more_below, nothing_yet},
            scene::Scene,
            words::{lines, wrapped},
        },
        ui::Pane,
    },
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
