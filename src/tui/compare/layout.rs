//! The Compare screen: which of two checkpoints is better, for which classes, and on which images they differ.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect, Size},
};

use crate::tui::{
    panes::{self, alone::alone, scene::Scene},
    ui::Pane,
};

// From 100 x 24 (from 170 columns on the figures have a third column):
//
// ╭ figures ────────────────────────────────╮ ╭ side by side ────────────────╮
// │ accuracy  .885 [.86,.91]  .912  +.027   │ │ picture   A says  B says     │
// ╰─────────────────────────────────────────╯ │ A  face object scene ...     │
// ╭ differences ────────────────────────────╮ │ B  face object scene ...     │
// │ amusement  ▲ 2.1                        │ │ JS .03  .11  ...             │
// ╰─────────────────────────────────────────╯ │ rationales, word by word     │
// ╭ images · flips · 38 ────────────────────╮ │                              │
// ╰─────────────────────────────────────────╯ ╰──────────────────────────────╯
//
// With more than two sessions, `figures` begins with a row for each, `differences` has the recalls of all.
//
// From 170 columns on the losses are shown too; on less they have a pane of their own.
//
// Smaller: a row of tabs, one pane.

/// Paints the body.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    if alone(area, Size::new(100, 24), buffer, scene) {
        return;
    }
    let classes = scene
        .compare
        .compared
        .as_ref()
        .map_or(8, |compared| compared.labels.len());
    let classes = classes.clamp(6, 12) as u16 + 3;
    let settings = scene.compare.settings.len().min(6) as u16;
    let many = scene.compare.many.as_ref().map_or(0, |many| many.runs.len() as u16);
    let figures = 9 + settings + u16::from(settings > 0) + many;
    if area.width < 170 {
        let [left, right] = Layout::horizontal([Constraint::Percentage(56), Constraint::Min(0)]).areas(area);
        let [top, middle, bottom] = Layout::vertical([
            Constraint::Length(figures.min(if many > 0 { left.height / 2 } else { left.height / 3 })),
            Constraint::Length(classes.min(left.height / 3)),
            Constraint::Min(0),
        ])
        .areas(left);
        panes::render(Pane::Figures, top, buffer, scene);
        panes::render(Pane::Differences, middle, buffer, scene);
        panes::render(Pane::Pairs, bottom, buffer, scene);
        panes::render(Pane::Pair, right, buffer, scene);
    } else {
        let [left, middle, right] =
            Layout::horizontal([Constraint::Length(74), Constraint::Length(62), Constraint::Min(0)]).areas(area);
        let [top, middle_left, bottom] = Layout::vertical([
            Constraint::Length(figures),
            Constraint::Length(classes),
            Constraint::Min(0),
        ])
        .areas(left);
        panes::render(Pane::Figures, top, buffer, scene);
        panes::render(Pane::Differences, middle_left, buffer, scene);
        panes::render(Pane::Losses, bottom, buffer, scene);
        panes::render(Pane::Pairs, middle, buffer, scene);
        panes::render(Pane::Pair, right, buffer, scene);
    }
}
