//! The Train screen: progress, curves and accuracy, and a sample with its attention maps.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    style::Style,
    widgets::{Block, BorderType, Widget},
};

use super::panes::status;
use crate::tui::{
    panes::{self, scene::Scene, tabs},
    ui::Pane,
};

// Two columns, from 100 x 30 (from 170 x 42 on rationale and log have a third):
//
//  MASP  1 Train                                   demo  ● running
// ╭──────────────────────────────────────────────────────────────╮
// │ aspects  stage 1 of 2  ━━━━━━━━━━╸─────  1,204 / 3,000  3m   │
// │ training               ━━━━╸───────────  120 / 256           │
// │ loss 0.83   samples/s 52.1   lr 9.2e-6   memory 1.21 GB  ... │
// ╰──────────────────────────────────────────────────────────────╯
// ╭ loss ──────────────────────╮ ╭ sample 2/8 ───────────────────╮
// │ curve                      │ │ picture  face    object scene │
// │                            │ │ verdict  action  bright color │
// ╰────────────────────────────╯ │ probabilities                 │
// ╭ accuracy per emotion ──────╮ ╰───────────────────────────────╯
// │ bars                       │ ╭ rationale ────────────────────╮
// ╰────────────────────────────╯ │ text, the aspects' answers    │
// ╭ log ───────────────────────╮ │                               │
// ╰────────────────────────────╯ ╰───────────────────────────────╯
//  ? help  q quit  space pause  n/N sample ...
//
// Smaller, down to 36 x 9: three lines of status, a row of tabs, one pane. Smaller still: the status alone.

/// Paints the body: all between the header and the key bar.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    if area.width < 36 || area.height < 9 {
        status::render(area, buffer, scene);
    } else if area.width < 100 || area.height < 28 {
        tabs(area, buffer, scene);
    } else {
        let [top, rest] = Layout::vertical([Constraint::Length(5), Constraint::Min(0)]).areas(area);
        framed_status(top, buffer, scene);
        if scene.ui.enlarged {
            panes::render(scene.ui.focus(), rest, buffer, scene);
        } else if area.width < 170 || area.height < 40 {
            two_columns(rest, buffer, scene);
        } else {
            three_columns(rest, buffer, scene);
        }
    }
}

fn two_columns(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let [left, right] = Layout::horizontal([Constraint::Percentage(53), Constraint::Min(0)]).areas(area);
    let log = if area.height >= 32 { 8 } else { 6 };
    let [loss, accuracy, log] = Layout::vertical([
        Constraint::Min(7),
        Constraint::Length(bars_height(scene)),
        Constraint::Length(log),
    ])
    .areas(left);
    let [sample, rationale] =
        Layout::vertical([Constraint::Min(12), Constraint::Length((area.height / 3).min(12))]).areas(right);
    let places = [
        (Pane::Loss, loss),
        (Pane::Accuracy, accuracy),
        (Pane::Log, log),
        (Pane::Sample, sample),
        (Pane::Rationale, rationale),
    ];
    for (pane, place) in places {
        panes::render(pane, place, buffer, scene);
    }
}

fn three_columns(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let [left, middle, right] = Layout::horizontal([
        Constraint::Percentage(36),
        Constraint::Percentage(41),
        Constraint::Min(0),
    ])
    .areas(area);
    let [loss, accuracy] = Layout::vertical([Constraint::Min(7), Constraint::Length(bars_height(scene))]).areas(left);
    let [rationale, log] = Layout::vertical([Constraint::Length(20), Constraint::Min(0)]).areas(right);
    let places = [
        (Pane::Loss, loss),
        (Pane::Accuracy, accuracy),
        (Pane::Sample, middle),
        (Pane::Rationale, rationale),
        (Pane::Log, log),
    ];
    for (pane, place) in places {
        panes::render(pane, place, buffer, scene);
    }
}

/// One row per class, the summary and the border. More than eight classes scroll, so that the curves keep their size.
fn bars_height(scene: &Scene) -> u16 {
    let classes = scene.state.session.as_ref().map_or(8, |session| session.classes.len());
    classes.clamp(6, 8) as u16 + 3
}

fn tabs(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let [top, row, pane] =
        Layout::vertical([Constraint::Length(3), Constraint::Length(1), Constraint::Min(0)]).areas(area);
    let status_area = Rect {
        x: top.x + 1,
        width: top.width.saturating_sub(2),
        ..top
    };
    status::render(status_area, buffer, scene);
    tabs::render(row, buffer, scene);
    panes::render(scene.ui.focus(), pane, buffer, scene);
}

fn framed_status(area: Rect, buffer: &mut Buffer, scene: &Scene) {
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(Style::new().fg(scene.theme.faint));
    let inner = block.inner(area);
    block.render(area, buffer);
    status::render(
        Rect {
            x: inner.x + 1,
            width: inner.width.saturating_sub(2),
            ..inner
        },
        buffer,
        scene,
    );
}
