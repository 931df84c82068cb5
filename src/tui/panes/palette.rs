//! What the palette has found, above the line being typed.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::{Block, BorderType, Clear, Widget},
};

use super::Scene;
use crate::tui::{
    keymap::Scope,
    palette::find,
    text::{fit, pad},
};

/// So many rows at most.
const ROWS: u16 = 12;
const KEYS: usize = 12;

/// Paints the list at the lower end of `screen`, its last row left free.
pub fn render(screen: Rect, buffer: &mut Buffer, scene: &Scene) {
    let theme = scene.theme;
    let found = find(
        scene.keymap,
        Scope::of_screen(scene.ui.screen),
        scene.offers,
        scene.ui.line.value(),
    );
    let room = screen.height.saturating_sub(3).min(ROWS);
    let rows = usize::from(room).min(found.len().max(1));
    let height = rows as u16 + 2;
    let width = screen.width.min(72);
    if width < 20 || screen.height < height + 1 {
        return;
    }
    let area = Rect::new(screen.x, screen.bottom() - 1 - height, width, height);
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(Style::new().fg(theme.accent))
        .title(Span::styled(
            " commands ",
            Style::new().fg(theme.accent).add_modifier(Modifier::BOLD),
        ));
    let marked = scene.ui.choice.min(found.len().saturating_sub(1));
    // What the config file calls the marked one, for those who want another key for it.
    let name = found
        .get(marked)
        .map(|binding| format!(" tui.keys.{} ", binding.action.name()));
    let block = block.title_bottom(Line::styled(name.unwrap_or_default(), Style::new().fg(theme.dim)).right_aligned());
    let inner = block.inner(area);
    Clear.render(area, buffer);
    block.render(area, buffer);
    if found.is_empty() {
        Line::styled(" nothing does that here", Style::new().fg(theme.dim)).render(inner, buffer);
        return;
    }
    let top = (marked + 1).saturating_sub(rows);
    for (y, (place, binding)) in (inner.y..inner.bottom()).zip(found.iter().enumerate().skip(top)) {
        let style = if place == marked {
            Style::new().fg(theme.on_accent).bg(theme.accent)
        } else {
            Style::new().fg(theme.text)
        };
        let keys = binding
            .keys
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" ");
        let words = fit(binding.long, usize::from(inner.width).saturating_sub(KEYS + 2));
        let words = pad(&words, usize::from(inner.width).saturating_sub(KEYS + 1));
        let line = Line::from(vec![
            Span::styled(format!(" {}", pad(&keys, KEYS)), style.add_modifier(Modifier::BOLD)),
            Span::styled(words, style),
        ]);
        line.render(Rect { y, height: 1, ..inner }, buffer);
    }
}
