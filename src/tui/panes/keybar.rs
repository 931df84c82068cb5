//! The last row: the keys of the layer that has them, and a word on the last one pressed.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::Widget,
};

use super::Scene;
use crate::tui::{
    keymap::Scope,
    text::{clean, columns, fit},
};

/// Paints the row; what does not fit is left to the help.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &Scene) {
    let theme = scene.theme;
    let notice = scene
        .ui
        .notice
        .as_deref()
        .map(|notice| fit(&clean(notice), usize::from(area.width) / 2))
        .unwrap_or_default();
    let room = usize::from(area.width).saturating_sub(columns(&notice) + 1);
    let (mut spans, mut used) = (Vec::new(), 0);
    for (keys, word) in scene
        .keymap
        .bar(Scope::of(scene.ui), |action| scene.offers.holds(action))
    {
        let word = if word == "pause" && scene.state.paused {
            "go on"
        } else {
            word
        };
        let (keys, word) = (format!(" {keys} "), format!("{word} "));
        used += columns(&keys) + columns(&word);
        if used > room {
            break;
        }
        spans.push(Span::styled(
            keys,
            Style::new().fg(theme.accent).add_modifier(Modifier::BOLD),
        ));
        spans.push(Span::styled(word, Style::new().fg(theme.dim)));
    }
    Line::from(spans).render(area, buffer);
    if !notice.is_empty() {
        // A span, for a line's style would colour the keys as well.
        let right = Span::styled(format!("{notice} "), Style::new().fg(theme.warning));
        Line::from(right).right_aligned().render(area, buffer);
    }
}
