//! A message that is longer than its place in the last row: on rows of its own above it, whole.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::Line,
    widgets::{Clear, Widget},
};

use super::Scene;
use crate::tui::{
    text::{clean, columns, wrap},
    theme::Theme,
    ui::{Layer, Ui},
};

/// Whether a message has room beside the keys, in half of the last row.
#[must_use]
pub fn fits(message: &str, width: u16) -> bool {
    columns(message) <= usize::from(width) / 2
}

/// The rows that the message of this frame needs above the last one; none where it fits there, and never more than half of the
/// screen.
#[must_use]
pub fn rows(area: Rect, scene: &Scene) -> Vec<String> {
    let Some(message) = message(scene.ui)
        .map(clean)
        .filter(|message| !fits(message, area.width))
    else {
        return Vec::new();
    };
    let mut rows = wrap(&message, usize::from(area.width.saturating_sub(2)).max(1));
    rows.truncate(usize::from(area.height / 2));
    rows
}

/// Paints the rows.
pub fn render(rows: Vec<String>, area: Rect, buffer: &mut Buffer, theme: &Theme) {
    Clear.render(area, buffer);
    for (y, row) in (area.y..area.bottom()).zip(rows) {
        Line::styled(format!(" {row}"), Style::new().fg(theme.warning)).render(Rect { y, height: 1, ..area }, buffer);
    }
}

/// Why the typed line was refused, while one is typed; else the word on the last key.
fn message(ui: &Ui) -> Option<&str> {
    match ui.layer {
        Layer::Entry(_) => ui.refused.as_deref(),
        Layer::Main | Layer::Region => ui.notice.as_deref(),
        Layer::Form | Layer::Help | Layer::Quit => None,
    }
}
