//! The visible rows of a table, with the cursor's row marked.

use ratatui::{buffer::Buffer, layout::Rect, style::Style, text::Line, widgets::Widget};

use super::scene::Scene;
use crate::{
    text::columns,
    tui::ui::{Pane, Spot},
};

/// Makes the headings in `head` clickable.
pub fn clickable(head: &Line, words: impl IntoIterator<Item = (&'static str, Spot)>, area: Rect, scene: &mut Scene) {
    let text: String = head.spans.iter().map(|span| span.content.as_ref()).collect();
    for (word, spot) in words {
        let Some(at) = text.find(word) else { continue };
        let (x, width) = (area.x + columns(&text[..at]) as u16, word.len() as u16 + 1);
        let heading = Rect::new(x, area.y, width, 1).intersection(area);
        scene.ui.spots.push((spot, heading));
    }
}

/// Paints `head`, and below it as many of `count` rows as fit, scrolled so that the row `selected` is visible. `line`
/// makes a row.
pub fn render<'a>(
    pane: Pane,
    (area, head): (Rect, Line<'a>),
    (count, selected): (usize, usize),
    buffer: &mut Buffer,
    scene: &mut Scene,
    line: impl Fn(usize) -> Option<Line<'a>>,
) {
    if area.height < 2 {
        return;
    }
    head.render(Rect { height: 1, ..area }, buffer);
    let height = usize::from(area.height - 1);
    let focused = scene.ui.focus() == pane;
    let top = scene.ui.scroll.entry(pane).or_insert(0);
    *top = (*top).min(selected).max((selected + 1).saturating_sub(height));
    *top = (*top).min(count.saturating_sub(height));
    for (y, row) in (area.y + 1..area.bottom()).zip(*top..count) {
        let Some(line) = line(row) else { continue };
        let area = Rect { y, height: 1, ..area };
        line.render(area, buffer);
        if row == selected {
            let style = if focused {
                Style::new().fg(scene.theme.on_accent).bg(scene.theme.accent)
            } else {
                Style::new().bg(scene.theme.faint)
            };
            buffer.set_style(area, style);
        }
    }
}
