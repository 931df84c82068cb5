//! The screens: the header, one screen's body, the key bar, and what lies on top.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::Widget,
};

use super::{
    browse, compare,
    panes::{choice, entry, help, hint, keybar, message, notice, palette, quit, scene::Scene},
    sessions::{self, panes::form},
    train::{self, panes::status},
    ui::{Entry, Layer},
    waits::Waits,
};
use crate::{
    figures::rate,
    keymap::{Action, Screen},
    text::{clean, columns, fit},
};

/// From this width on, the header shows the screens' names.
const TABS_FROM: u16 = 50;

/// Paints a whole frame.
pub fn render(title: &str, area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let above = notice::rows(area, scene);
    let [top, body, words, bottom] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(above.len() as u16),
        Constraint::Length(1),
    ])
    .areas(area);
    scene.ui.places.clear();
    scene.ui.spots.clear();
    header(title, top, buffer, scene);
    match scene.ui.screen {
        Screen::Train => train::layout::render(body, buffer, scene),
        Screen::Browse => browse::layout::render(body, buffer, scene),
        Screen::Compare => compare::layout::render(body, buffer, scene),
        Screen::Sessions => sessions::layout::render(body, buffer, scene),
    }
    notice::render(above, words, buffer, scene.theme);
    keybar::render(bottom, buffer, scene);
    match scene.ui.layer {
        Layer::Main | Layer::Region => {}
        Layer::Entry(line) => {
            // A list is above the line, and above the reason why the line was refused.
            let above = Rect {
                height: area.height - words.height,
                ..area
            };
            match line {
                Entry::Command => palette::render(above, buffer, scene),
                Entry::Overlay => choice::render(above, buffer, scene),
                _ => hint::render(line, body, buffer, scene),
            }
            entry::render(line, bottom, buffer, scene);
        }
        Layer::Form => form::render(area, buffer, scene),
        Layer::Help => help::render(area, buffer, scene),
        Layer::Message => message::render(area, buffer, scene),
        Layer::Quit => quit::render(area, buffer, scene),
    }
    scene.theme.settle(buffer);
}

/// ` MASP  1 Train ............ demo-0412    1.2 kB/s  ● running`
fn header(title: &str, area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let theme = scene.theme;
    let seeking = match &scene.playing {
        // Where the seek goes, if there is room for it.
        Some(place) if scene.waits == Some(Waits::Seeking) && area.width >= TABS_FROM => {
            Some(format!("{} {place}", Waits::Seeking.badge()))
        }
        _ => None,
    };
    let (badge, color) = match (&scene.waits, &scene.playing) {
        (Some(waits), _) => (seeking.as_deref().unwrap_or(waits.badge()), theme.accent),
        (None, Some(playing)) => (playing.as_str(), theme.accent),
        (None, None) if scene.lost => ("✗ crashed", theme.bad),
        (None, None) => status::badge(scene.state, theme),
    };
    let mut spans = vec![Span::styled(
        " MASP ",
        Style::new()
            .fg(theme.on_accent)
            .bg(theme.accent)
            .add_modifier(Modifier::BOLD),
    )];
    let mut tabs = Vec::new();
    if area.width >= TABS_FROM {
        for screen in Screen::ALL {
            let style = if screen == scene.ui.screen {
                Style::new().fg(theme.text).add_modifier(Modifier::BOLD)
            } else {
                Style::new().fg(theme.dim)
            };
            let key = format!("  {} ", scene.keymap.key_for(screen, Action::Screen(screen)));
            let width = columns(&key) + columns(screen.title());
            let x = area.x + spans.iter().map(Span::width).sum::<usize>() as u16;
            tabs.push((screen, Rect::new(x, area.y, width as u16, 1).intersection(area)));
            spans.push(Span::styled(
                key,
                Style::new().fg(theme.accent).add_modifier(Modifier::BOLD),
            ));
            spans.push(Span::styled(screen.title(), style));
        }
    }
    scene.ui.tabs = tabs;
    let left = Line::from(spans);
    let left_width = left.width();
    left.render(area, buffer);
    // No badge if no run is shown.
    let none = title.is_empty() && scene.state.session.is_none() && !scene.commands && scene.playing.is_none();
    let none = none && scene.waits.is_none();
    let badge = if none { String::new() } else { format!("  {badge} ") };
    let room = usize::from(area.width).saturating_sub(left_width + columns(&badge) + 1);
    let title = clean(title);
    // As wide as the widest badge, so that the title does not move. The title is left out if there is no room for it.
    let air = if none { " " } else { "" };
    let sent = scene
        .sent
        .map(|bytes| format!("  {:>9}{air}", rate(bytes)))
        .unwrap_or_default();
    let sent = if columns(&title) + columns(&sent) < room {
        sent
    } else {
        String::new()
    };
    let title = if room < 4 { String::new() } else { fit(&title, room) };
    let right = Line::from(vec![
        Span::styled(title, Style::new().fg(theme.dim)),
        Span::styled(sent, Style::new().fg(theme.dim)),
        Span::styled(badge, Style::new().fg(color).add_modifier(Modifier::BOLD)),
    ]);
    right.right_aligned().render(area, buffer);
}
