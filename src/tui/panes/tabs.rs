//! The row of tabs that is shown when one pane has the whole body.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::Widget,
};

use super::scene::Scene;
use crate::tui::ui::{Pane, Spot};

/// Paints the panes' names, the focused one marked.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let theme = scene.theme;
    let tab = |&pane: &Pane| {
        let style = if pane == scene.ui.focus() {
            Style::new()
                .fg(theme.on_accent)
                .bg(theme.accent)
                .add_modifier(Modifier::BOLD)
        } else {
            Style::new().fg(theme.dim)
        };
        Span::styled(format!(" {} ", pane.title()), style)
    };
    let row = Rect {
        x: area.x + 1,
        width: area.width.saturating_sub(1),
        ..area
    };
    let panes = scene.ui.screen.panes();
    let spans: Vec<Span> = panes.iter().map(tab).collect();
    let mut x = row.x;
    for (&pane, span) in panes.iter().zip(&spans) {
        let width = span.width() as u16;
        scene
            .ui
            .spots
            .push((Spot::Tab(pane), Rect { x, width, ..row }.intersection(row)));
        x = x.saturating_add(width);
    }
    Line::from(spans).render(row, buffer);
}
