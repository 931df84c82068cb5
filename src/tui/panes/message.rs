//! The last message in full, for when it does not fit above the keys.

use ratatui::{buffer::Buffer, layout::Rect, style::Style, text::Line, widgets::Widget};

use super::{
    frame::{more_below, popup},
    notice,
    scene::Scene,
};
use crate::text::{clean, wrap};

const WIDTH: u16 = 84;

/// Paints the overlay in the middle of `screen`.
pub fn render(screen: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let theme = scene.theme;
    let message = notice::whole(scene.ui, scene.sessions).map(clean).unwrap_or_default();
    let width = WIDTH.min(screen.width);
    let lines = wrap(&message, usize::from(width.saturating_sub(4)).max(1));
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
    let (area, inner) = popup("message · esc closes", [width, height], screen, buffer, theme);
    let hidden = lines.len().saturating_sub(inner.height.into());
    scene.ui.help_scroll = scene.ui.help_scroll.min(hidden);
    more_below(hidden - scene.ui.help_scroll, area, buffer, theme);
    let rows = (inner.y..inner.bottom()).zip(lines.into_iter().skip(scene.ui.help_scroll));
    for (y, row) in rows {
        Line::styled(row, Style::new().fg(theme.text)).render(Rect { y, height: 1, ..inner }, buffer);
    }
}
