//! The screens: the header, one screen's body, the key bar, and what lies on top.

mod train;

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::Widget,
};

use super::{
    panes::{Scene, help, keybar, quit, status},
    text::{clean, columns, fit},
    ui::Layer,
};

/// The screens' names, in the order of their digits.
pub const NAMES: [&str; 1] = ["Train"];

/// Paints a whole frame.
pub fn render(title: &str, area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let [top, body, bottom] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(1),
    ])
    .areas(area);
    header(title, top, buffer, scene);
    train::render(body, buffer, scene);
    keybar::render(bottom, buffer, scene);
    match scene.ui.layer {
        Layer::Main => {}
        Layer::Help => help::render(area, buffer, scene),
        Layer::Quit => quit::render(area, buffer, scene),
    }
    scene.theme.settle(buffer);
}

/// ` MASP  1 Train ............ demo-0412  ● running`
fn header(title: &str, area: Rect, buffer: &mut Buffer, scene: &Scene) {
    let theme = scene.theme;
    let (badge, color) = status::badge(scene.state, theme);
    let mut spans = vec![Span::styled(
        " MASP ",
        Style::new()
            .fg(theme.on_accent)
            .bg(theme.accent)
            .add_modifier(Modifier::BOLD),
    )];
    if area.width >= 40 {
        for (place, name) in NAMES.into_iter().enumerate() {
            spans.push(Span::styled(
                format!("  {} ", place + 1),
                Style::new().fg(theme.accent).add_modifier(Modifier::BOLD),
            ));
            spans.push(Span::styled(
                name,
                Style::new().fg(theme.text).add_modifier(Modifier::BOLD),
            ));
        }
    }
    let left = Line::from(spans);
    let room = usize::from(area.width).saturating_sub(left.width() + columns(badge) + 4);
    let title = if room < 4 {
        String::new()
    } else {
        fit(&clean(title), room)
    };
    let right = Line::from(vec![
        Span::styled(title, Style::new().fg(theme.dim)),
        Span::styled(
            format!("  {badge} "),
            Style::new().fg(color).add_modifier(Modifier::BOLD),
        ),
    ]);
    left.render(area, buffer);
    right.right_aligned().render(area, buffer);
}
