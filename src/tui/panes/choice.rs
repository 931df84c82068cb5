//! The sessions to choose from, above the line being typed.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::{palette, scene::Scene};
use crate::{
    figures::percent,
    text::{clean, fit, pad},
};

/// Columns of the state, the progress and the best accuracy.
const REST: usize = 12 + 18 + 8;

/// Paints the list at the lower end of `screen`. Sessions that are already overlaid have their curve's mark.
pub fn render(screen: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let theme = scene.theme;
    let sessions = scene.sessions.others(scene.ui.line.value(), scene.folder);
    let none = match &scene.sessions.all {
        None if scene.sessions.root.is_none() => "the folder of the sessions is not known here",
        None => "reading the sessions …",
        Some(Err(reason)) => reason,
        Some(Ok(_)) => "no other session has this name",
    };
    let list = palette::List {
        title: " sessions ",
        none: &clean(none),
        count: sessions.len(),
        foot: String::new(),
    };
    let rows = list.render(screen, buffer, scene, |place, style, width| {
        let session = sessions.get(place)?;
        let path = &session.path;
        let mark = match scene.overlays.sign(path).filter(|_| scene.overlays.holds(path)) {
            Some(sign) => {
                let color = scene.overlays.color(path, scene.folder, theme);
                Span::styled(format!(" ━{sign} "), Style::new().fg(color))
            }
            None => Span::styled("    ", style),
        };
        let best = session.best_accuracy.map(percent).unwrap_or_default();
        let rest = format!(
            "  {:<10}{:>18}{best:>8}",
            session.state.name(),
            fit(&session.progress(), 18)
        );
        let name = pad(&clean(&session.name), width.saturating_sub(4 + REST));
        let words = fit(&format!("{name}{rest}"), width.saturating_sub(4));
        Some(Line::from(vec![mark, Span::styled(words, style)]))
    });
    scene.ui.spots.extend(rows);
}
