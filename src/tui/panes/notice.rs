//! A message that does not fit in the last row: shown in full on rows above it. If those would be more than half of the
//! screen, it is cut, and names the key that shows it in full.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::Line,
    widgets::{Clear, Widget},
};

use super::scene::Scene;
use crate::{
    keymap::Action,
    text::{clean, columns, fit, pad, wrap},
    theme::Theme,
    tui::{
        sessions::Sessions,
        ui::{Layer, Ui},
    },
};

/// Whether a message has room beside the keys, in half of the last row.
#[must_use]
pub fn fits(message: &str, width: u16) -> bool {
    columns(message) <= usize::from(width) / 2
}

/// The rows that this frame's message needs above the last one; none if it fits there. At most half of the screen: then
/// the last of them names the key that shows the whole message.
#[must_use]
pub fn rows(area: Rect, scene: &Scene) -> Vec<String> {
    let Some(message) = message(scene.ui)
        .map(clean)
        .filter(|message| !fits(message, area.width))
    else {
        return Vec::new();
    };
    let width = usize::from(area.width.saturating_sub(2)).max(1);
    let mut rows = wrap(&message, width);
    let most = usize::from(area.height / 2);
    if rows.len() > most {
        rows.truncate(most);
        let key = scene.keymap.key_in(scene.ui.scopes(), Action::Message);
        if let Some(last) = rows.last_mut().filter(|_| !key.is_empty()) {
            let way = way(&key, width);
            // If only a few letters would fit before it, they are left out.
            let room = width.saturating_sub(columns(&way) + 1);
            *last = if room < 12 {
                way
            } else {
                format!("{} {way}", pad(&fit(last, room), room))
            };
        }
    }
    rows
}

/// The words that name the key for the whole message.
#[must_use]
pub fn way(key: &str, width: usize) -> String {
    fit(&format!("… {key} shows it all"), width)
}

/// Paints the rows.
pub fn render(rows: Vec<String>, area: Rect, buffer: &mut Buffer, theme: &Theme) {
    Clear.render(area, buffer);
    for (y, row) in (area.y..area.bottom()).zip(rows) {
        Line::styled(format!(" {row}"), Style::new().fg(theme.warning)).render(Rect { y, height: 1, ..area }, buffer);
    }
}

/// Why the line being typed was refused, or else the last key's notice.
fn message(ui: &Ui) -> Option<&str> {
    match ui.layer {
        Layer::Entry(_) => ui.refused.as_deref(),
        Layer::Main | Layer::Region => ui.notice.as_deref(),
        Layer::Form | Layer::Help | Layer::Quit | Layer::Message => None,
    }
}

/// The message that the key shows in full: that of this layer, or of the layer under the overlay; if there is none, the
/// previous one.
#[must_use]
pub fn whole<'a>(ui: &'a Ui, sessions: &'a Sessions) -> Option<&'a str> {
    let layer = if ui.layer == Layer::Message { ui.under } else { ui.layer };
    let now = match layer {
        Layer::Entry(_) => ui.refused.as_deref(),
        Layer::Form => sessions.form.as_ref().and_then(|form| form.message()),
        _ => ui.notice.as_deref(),
    };
    now.or(ui.before.as_deref())
}
