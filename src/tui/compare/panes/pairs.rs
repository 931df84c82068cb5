//! The images on which the two differ, one row each.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::figures::nothing;
use crate::{
    figures::count,
    text::{clean, columns, fit_end, pad},
    theme::Theme,
    tui::{
        compare::compared::{Compared, Outcome},
        panes::{
            frame::{bordered, nothing_yet},
            rows,
            scene::Scene,
        },
        ui::Pane,
    },
};

/// Paints the pane and scrolls so that the cursor's row is visible.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let (compare, theme) = (scene.compare, scene.theme);
    let filter = if compare.filter.is_empty() {
        String::new()
    } else {
        format!("{} · ", clean(&compare.filter))
    };
    let note = format!(
        "{filter}{} · {}",
        compare.only.title(),
        count(compare.shown.len() as u64)
    );
    let inner = bordered(Pane::Pairs, "images", &note, area, buffer, scene);
    let Some(compared) = &compare.compared else {
        return nothing_yet(&nothing(scene), inner, buffer, theme);
    };
    if compare.shown.is_empty() {
        return nothing_yet("no image is among them; f shows others", inner, buffer, theme);
    }
    let class = compared
        .labels
        .iter()
        .map(|label| columns(&clean(label)))
        .max()
        .unwrap_or(0)
        .clamp(4, 14);
    let image = usize::from(inner.width).saturating_sub(2 + 3 * (class + 1));
    let head = format!(
        "  {} {} {} {}",
        pad("image", image.saturating_sub(1)),
        pad("gold", class),
        pad("A", class),
        pad("B", class)
    );
    let head = Line::styled(head, Style::new().fg(theme.dim));
    let cursor = (compare.shown.len(), compare.selected);
    rows::render(Pane::Pairs, (inner, head), cursor, buffer, scene, |place| {
        line(compared, *compare.shown.get(place)?, image, class, theme)
    });
}

fn line(compared: &Compared, place: usize, image: usize, class: usize, theme: &Theme) -> Option<Line<'static>> {
    let [a, b] = compared.pair(place)?;
    let (mark, color) = match compared.outcome(place)? {
        Outcome::Gained => ("+", theme.good),
        Outcome::Lost => ("−", theme.bad),
        Outcome::OtherError => ("≠", theme.warning),
        Outcome::Same => (" ", theme.dim),
    };
    let name = a.prediction.image.rsplit('/').next().unwrap_or_default();
    let name = pad(&fit_end(&clean(name), image.saturating_sub(1)), image.saturating_sub(1));
    let said = |row: &crate::session::ImageResult| {
        let color = if row.is_right() { theme.good } else { theme.bad };
        Span::styled(
            format!(" {}", pad(&clean(&row.prediction.prediction), class)),
            Style::new().fg(color),
        )
    };
    Some(Line::from(vec![
        Span::styled(format!("{mark} "), Style::new().fg(color).add_modifier(Modifier::BOLD)),
        Span::styled(format!("{name} "), Style::new().fg(theme.text)),
        Span::styled(pad(&clean(&a.gold), class), Style::new().fg(theme.dim)),
        said(a),
        said(b),
    ]))
}
