//! The line being typed, in the key bar's place.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::{Clear, Widget},
};
use tui_input::Input;

use super::{notice::fits, scene::Scene};
use crate::{
    text::{clean, columns, fit},
    theme::Theme,
    tui::ui::Entry,
};

/// Paints the line with its cursor, and why it was refused.
pub fn render(entry: Entry, area: Rect, buffer: &mut Buffer, scene: &Scene) {
    let theme = scene.theme;
    let title = format!(" {} ", entry.title());
    let refused = scene
        .ui
        .refused
        .as_deref()
        .map(clean)
        .filter(|reason| fits(reason, area.width));
    let refused = refused.unwrap_or_default();
    let room = usize::from(area.width).saturating_sub(columns(&title) + columns(&refused) + 4);
    let mut spans = vec![Span::styled(
        title,
        Style::new().fg(theme.accent).add_modifier(Modifier::BOLD),
    )];
    spans.extend(typed(&scene.ui.line, room, theme));
    Clear.render(area, buffer);
    Line::from(spans).render(area, buffer);
    if !refused.is_empty() {
        let right = Line::styled(format!(" {refused} "), Style::new().fg(theme.warning)).right_aligned();
        right.render(area, buffer);
    }
}

/// The typed text before, under and after the cursor, scrolled so that the cursor is within `room` columns.
pub fn typed(line: &Input, room: usize, theme: &Theme) -> [Span<'static>; 3] {
    let from = line.visual_scroll(room.max(1));
    let seen: String = clean(line.value()).chars().skip(from).collect();
    let at = line.cursor().saturating_sub(from);
    let before: String = seen.chars().take(at).collect();
    let mut rest = seen.chars().skip(at);
    let under = rest.next().unwrap_or(' ').to_string();
    let behind = fit(
        &rest.collect::<String>(),
        room.saturating_sub(columns(&before) + columns(&under)),
    );
    let text = Style::new().fg(theme.text);
    let cursor = Style::new().fg(theme.on_accent).bg(theme.accent);
    [
        Span::styled(before, text),
        Span::styled(under, cursor),
        Span::styled(behind, text),
    ]
}
