//! The Sessions screen: all runs, and what is known of the one under the cursor.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
};

use crate::tui::{
    panes::{self, scene::Scene, tabs},
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
    if scene.ui.enlarged {
        panes::render(scene.ui.focus(), area, buffer, scene);
    } else if area.width < 100 || area.height < 20 {
        let [row, pane] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
        tabs::render(row, buffer, scene);
        panes::render(scene.ui.focus(), pane, buffer, scene);
    } else {
        let [list, about] = Layout::horizontal([Constraint::Percentage(64), Constraint::Min(0)]).areas(area);
        panes::render(Pane::Sessions, list, buffer, scene);
        panes::render(Pane::About, about, buffer, scene);
    }
}
