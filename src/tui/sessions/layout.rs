//! The Sessions screen: all sessions, and details of the one under the cursor.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect, Size},
};

use crate::tui::{
    panes::{self, alone::alone, scene::Scene},
    ui::Pane,
};

// From 100 x 24:
//
// ╭ sessions · 12 · by start ───────────────────────────╮ ╭ about ──────────────╮
// │   NAME       STATE     STEPS   BEST   TEST  STARTED │ │ demo-3              │
// │ A demo-3     finished  240     91.2   89.2  ...     │ │ state    finished   │
// ╰─────────────────────────────────────────────────────╯ ╰─────────────────────╯
//
// Smaller: a row of tabs, one pane.

/// Paints the body.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    if alone(area, Size::new(100, 20), buffer, scene) {
        return;
    }
    let [list, about] = Layout::horizontal([Constraint::Percentage(64), Constraint::Min(0)]).areas(area);
    panes::render(Pane::Sessions, list, buffer, scene);
    panes::render(Pane::About, about, buffer, scene);
}
