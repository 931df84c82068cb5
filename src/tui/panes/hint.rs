//! Above a line that is being typed: how it is written, by an example from the data shown, or the words that tab completes.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::{Clear, Widget},
};

use super::scene::Scene;
use crate::{
    keymap::{Action, Scope},
    text::fit,
    tui::{
        completion::{Known, candidates, example, word},
        ui::Entry,
    },
};

/// Paints the hint over the last row of `body`.
pub fn render(entry: Entry, body: Rect, buffer: &mut Buffer, scene: &Scene) {
    let known = Known {
        browse: scene.browse,
        sessions: scene.sessions,
    };
    let typed = word(scene.ui.line.value());
    let found = if typed.is_empty() {
        Vec::new()
    } else {
        candidates(entry, typed, known)
    };
    let (name, text) = if found.is_empty() {
        (" such as ".to_owned(), example(entry, known))
    } else {
        let key = scene.keymap.key_in(&[Scope::Entry], Action::Complete);
        (format!(" {key} "), found.join("  "))
    };
    // With a row or two there is no room for more than the pane.
    if text.is_empty() || body.height < 3 {
        return;
    }
    let row = Rect {
        y: body.bottom() - 1,
        height: 1,
        ..body
    };
    let room = usize::from(row.width).saturating_sub(name.len());
    Clear.render(row, buffer);
    Line::from(vec![
        Span::styled(name, Style::new().fg(scene.theme.accent)),
        Span::styled(fit(&text, room), Style::new().fg(scene.theme.dim)),
    ])
    .render(row, buffer);
}
