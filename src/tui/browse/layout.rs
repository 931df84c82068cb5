//! The Browse screen: the predictions for a split's images, and how an intervention changes the one under the cursor.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect, Size},
};

use crate::tui::{
    panes::{self, alone::alone, scene::Scene},
    ui::Pane,
};

// From 100 x 26 (from 170 columns on the answers have a third column):
//
// ╭ predictions · val · prompt 120 · 800 ───╮ ╭ image ───────────────────────╮
// │ image       gold   says  conf  margin   │ │ picture  face    object      │
// │ ...                                     │ │ verdict  action  ...         │
// │                                         │ │ probabilities                │
// ╰─────────────────────────────────────────╯ ╰──────────────────────────────╯
// ╭ confusion ──────────────────────────────╮ ╭ answers ─────────────────────╮
// │        amuse   awe  ...                 │ │ without face: awe 62 → 48 %  │
// ╰─────────────────────────────────────────╯ ╰──────────────────────────────╯
//
// Smaller: a row of tabs, one pane.

/// Paints the body.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    if alone(area, Size::new(100, 24), buffer, scene) {
        return;
    }
    if area.width < 170 {
        let [left, right] = Layout::horizontal([Constraint::Percentage(53), Constraint::Min(0)]).areas(area);
        let [image, answers] = Layout::vertical([Constraint::Min(12), Constraint::Percentage(36)]).areas(right);
        table_and_summary(left, buffer, scene);
        panes::render(Pane::Image, image, buffer, scene);
        panes::render(Pane::Answers, answers, buffer, scene);
    } else {
        let [left, middle, right] = Layout::horizontal([
            Constraint::Percentage(40),
            Constraint::Percentage(36),
            Constraint::Min(0),
        ])
        .areas(area);
        table_and_summary(left, buffer, scene);
        panes::render(Pane::Image, middle, buffer, scene);
        panes::render(Pane::Answers, right, buffer, scene);
    }
}

fn table_and_summary(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let classes = scene.browse.rows().map_or(8, |rows| rows.labels.len());
    // Plus the heading, the row of figures and the border; where there is room, the heading has whole names in three rows.
    let heading = if area.height >= 32 { 3 } else { 1 };
    let summary = (classes.clamp(6, 12) as u16 + 3 + heading).min(area.height / 2);
    let [table, summary] = Layout::vertical([Constraint::Min(6), Constraint::Length(summary)]).areas(area);
    panes::render(Pane::Table, table, buffer, scene);
    panes::render(Pane::Summary, summary, buffer, scene);
}
