//! The dialog before this process's run is left.

use ratatui::{
    buffer::Buffer,
    layout::{Margin, Rect},
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::{Paragraph, Widget},
};

use super::{frame::popup, scene::Scene};
use crate::{
    keymap::{Action, Scope},
    tui::ui::Spot,
};

/// The choices in their order, as the binding table names them.
pub const CHOICES: [Action; 3] = [Action::Headless, Action::Stop, Action::Out];

/// Paints the dialog in the middle of `screen`.
pub fn render(screen: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let theme = scene.theme;
    let mut lines = Vec::new();
    for (place, choice) in CHOICES.into_iter().enumerate() {
        let Some(binding) = scene.keymap.of(&[Scope::Quit]).find(|binding| binding.action == choice) else {
            continue;
        };
        let key = binding.keys.first().map(ToString::to_string).unwrap_or_default();
        let marked = place == scene.ui.choice;
        let style = if marked {
            Style::new().fg(theme.on_accent).bg(theme.accent)
        } else {
            Style::new().fg(theme.text)
        };
        let key_style = if marked { style } else { Style::new().fg(theme.accent) };
        lines.push(Line::from(vec![
            Span::styled(format!(" {key:<4} "), key_style.add_modifier(Modifier::BOLD)),
            Span::styled(format!("{:<44}", binding.long), style),
        ]));
    }
    let (area, text) = popup("the run is at work", [54, 5], screen, buffer, theme);
    let inner = area.inner(Margin::new(1, 1));
    for (place, y) in (inner.y..inner.bottom()).enumerate().take(lines.len()) {
        let row = Rect { y, height: 1, ..inner };
        scene.ui.spots.push((Spot::Choice(place), row));
    }
    Paragraph::new(lines).render(text, buffer);
}
