//! What every pane has: a border with a title, a message if it is empty, and a count of the lines below its end; and the
//! frame of a popup.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Margin, Rect},
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::{Block, BorderType, Clear, Widget},
};

use super::scene::Scene;
use crate::{
    text::{columns, fit, wrap},
    theme::{Depth, Theme},
    tui::ui::Pane,
};

/// Paints a pane's border and title, with `note` dim beside it, and returns the area inside. The focused pane's border
/// is highlighted.
pub fn bordered(pane: Pane, title: &str, note: &str, area: Rect, buffer: &mut Buffer, scene: &Scene) -> Rect {
    let theme = scene.theme;
    let focused = scene.ui.focus() == pane;
    let (border, title_color) = if focused {
        (theme.accent, theme.accent)
    } else {
        (theme.faint, theme.text)
    };
    // Without colours the shape of the frame shows the focus.
    let border_type = if focused && theme.depth == Depth::Mono {
        BorderType::Thick
    } else {
        BorderType::Rounded
    };
    let room = usize::from(area.width).saturating_sub(6);
    let title = fit(title, room);
    let left = room.saturating_sub(columns(&title) + 3);
    let mut heading = vec![Span::styled(
        format!(" {title} "),
        Style::new().fg(title_color).add_modifier(Modifier::BOLD),
    )];
    if !note.is_empty() && left > 3 {
        heading.push(Span::styled(
            format!("· {} ", fit(note, left.saturating_sub(2))),
            Style::new().fg(theme.dim),
        ));
    }
    let block = Block::bordered()
        .border_type(border_type)
        .border_style(Style::new().fg(border))
        .title(Line::from(heading));
    let inner = block.inner(area);
    block.render(area, buffer);
    // A blank column on both sides, if there is room.
    let air = u16::from(inner.width > 20);
    Rect::new(
        inner.x + air,
        inner.y,
        inner.width.saturating_sub(2 * air),
        inner.height,
    )
}

/// An empty frame of `size` (columns, rows), cut to fit, over the middle of `screen`; returns its area and the area for text.
pub fn popup(title: &str, size: [u16; 2], screen: Rect, buffer: &mut Buffer, theme: &Theme) -> (Rect, Rect) {
    let accent = Style::new().fg(theme.accent);
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(accent)
        .title(Span::styled(format!(" {title} "), accent.add_modifier(Modifier::BOLD)));
    let [width, height] = [size[0].min(screen.width), size[1].min(screen.height)];
    let area = screen.centered(Constraint::Length(width), Constraint::Length(height));
    Clear.render(area, buffer);
    block.render(area, buffer);
    (area, area.inner(Margin::new(2, 1)))
}

/// Notes on the lower border of a pane's `area` that there are `lines` more below.
pub fn more_below(lines: usize, area: Rect, buffer: &mut Buffer, theme: &Theme) {
    if lines > 0 && area.width > 16 && area.height > 0 {
        let bottom = Rect {
            y: area.bottom() - 1,
            height: 1,
            width: area.width - 2,
            ..area
        };
        let text = Line::styled(format!(" ↓ {lines} more "), Style::new().fg(theme.dim));
        text.right_aligned().render(bottom, buffer);
    }
}

/// Paints a message in the middle of a pane that has nothing to show yet, wrapped, and cut if it has too many rows.
pub fn nothing_yet(text: &str, area: Rect, buffer: &mut Buffer, theme: &Theme) {
    if area.is_empty() {
        return;
    }
    let mut rows = wrap(text, area.width.into());
    if rows.len() > area.height.into() {
        rows = vec![fit(text, area.width.into())];
    }
    let above = (area.height - rows.len() as u16).div_ceil(2);
    let style = Style::new().fg(theme.dim);
    for (row, y) in rows.iter().zip(area.y + above..) {
        Line::styled(row.as_str(), style)
            .centered()
            .render(Rect { y, height: 1, ..area }, buffer);
    }
}
