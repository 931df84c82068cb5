//! The line being typed, in the key bar's place.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::{Clear, Widget},
};

use super::Scene;
use crate::tui::{
    text::{clean, columns, fit},
    ui::Entry,
};

/// Paints the line with its cursor, and why it was refused.
pub fn render(entry: Entry, area: Rect, buffer: &mut Buffer, scene: &Scene) {
    let theme = scene.theme;
    let title = format!(" {} ", entry.title());
    let refused = scene
        .ui
        .refused
        .as_deref()
        .map(|reason| fit(&clean(reason), usize::from(area.width) / 2));
    let refused = refused.unwrap_or_default();
    let room = usize::from(area.width).saturating_sub(columns(&title) + columns(&refused) + 4);
    let line = &scene.ui.line;
    let from = line.visual_scroll(room.max(1));
    let seen: String = clean(line.value()).chars().skip(from).collect();
    let (before, after): (String, String) = {
        let at = line.cursor().saturating_sub(from);
        (seen.chars().take(at).collect(), seen.chars().skip(at).collect())
    };
    let mut rest = after.chars();
    let under = rest.next().unwrap_or(' ');
    let text = Style::new().fg(theme.text);
    let cursor = Style::new().fg(theme.on_accent).bg(theme.accent);
    let spans = vec![
        Span::styled(title, Style::new().fg(theme.accent).add_modifier(Modifier::BOLD)),
        Span::styled(before, text),
        Span::styled(under.to_string(), cursor),
        Span::styled(rest.collect::<String>(), text),
    ];
    Clear.render(area, buffer);
    Line::from(spans).render(area, buffer);
    if !refused.is_empty() {
        let right = Line::styled(format!(" {refused} "), Style::new().fg(theme.warning)).right_aligned();
        right.render(area, buffer);
    }
}
