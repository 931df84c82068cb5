//! The help: every key of the screen, from the one binding table.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::{Paragraph, Widget},
};

use super::{
    frame::{more_below, popup},
    scene::Scene,
};
use crate::{
    keymap::{Binding, Scope, Section},
    text::columns,
    theme::Theme,
};

/// Paints the overlay in the middle of `screen`.
pub fn render(screen: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let bindings: Vec<&Binding> = scene.keymap.of(Scope::of_screen(scene.ui.screen)).collect();
    // The keys of a replay are left out if none is playing, but for the one that begins it.
    let shown = bindings
        .into_iter()
        .filter(|binding| !binding.action.is_playing() || scene.offers.holds(binding.action));
    let lines = lines(&shown.collect::<Vec<_>>(), scene.theme);
    let width = lines.iter().map(Line::width).max().unwrap_or(0) as u16 + 4;
    let height = lines.len() as u16 + 2;
    let theme = scene.theme;
    let (area, inner) = popup("keys · esc closes", [width, height], screen, buffer, theme);
    scene.ui.help_scroll = scene
        .ui
        .help_scroll
        .min(lines.len().saturating_sub(inner.height.into()));
    let below = lines
        .len()
        .saturating_sub(scene.ui.help_scroll + usize::from(inner.height));
    more_below(below, area, buffer, theme);
    let text = Paragraph::new(lines).scroll((scene.ui.help_scroll as u16, 0));
    text.render(inner, buffer);
}

fn lines(bindings: &[&Binding], theme: &Theme) -> Vec<Line<'static>> {
    let keys_of = |keys: &[crate::keymap::Key]| keys.iter().map(ToString::to_string).collect::<Vec<_>>().join("  ");
    let widest = bindings
        .iter()
        .map(|binding| columns(&keys_of(&binding.keys)))
        .max()
        .unwrap_or(0);
    let mut lines = Vec::new();
    for section in Section::ALL {
        if !bindings.iter().any(|binding| binding.section == section) {
            continue;
        }
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.push(Line::styled(section.title(), Style::new().fg(theme.dim)));
        for binding in bindings.iter().filter(|binding| binding.section == section) {
            let keys = keys_of(&binding.keys);
            let gap = " ".repeat(widest + 3 - columns(&keys));
            lines.push(Line::from(vec![
                Span::styled(
                    format!("  {keys}{gap}"),
                    Style::new().fg(theme.accent).add_modifier(Modifier::BOLD),
                ),
                Span::styled(binding.long, Style::new().fg(theme.text)),
            ]));
        }
    }
    lines
}
