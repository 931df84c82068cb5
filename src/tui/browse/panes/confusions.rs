//! The most frequent confusions, a row each; the one under the cursor can become the filter.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use crate::{
    figures::{count, percent},
    text::{clean, columns, pad},
    tui::{
        browse::rows::Rows,
        panes::{bar::bar, frame::nothing_yet, rows, scene::Scene},
        ui::Pane,
    },
};

/// Columns of the count and the share.
const FIGURES: usize = 18;

/// Paints the list, scrolled so that the cursor's row is visible.
pub fn render(found: &Rows, area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let theme = scene.theme;
    if found.confusions.is_empty() {
        return nothing_yet("no image has another class than its own", area, buffer, theme);
    }
    let label = |class: usize| found.labels.get(class).map(|label| clean(label)).unwrap_or_default();
    let names = found
        .labels
        .iter()
        .map(|label| columns(&clean(label)))
        .max()
        .unwrap_or(0);
    let names = names.min(usize::from(area.width).saturating_sub(FIGURES + 4) / 2);
    let width = usize::from(area.width).saturating_sub(2 * names + 4 + FIGURES);
    let head = format!(
        "{}   {} {:>8} {:>8}",
        pad("gold", names),
        pad("says", names),
        "images",
        "of row"
    );
    let head = Line::styled(head, Style::new().fg(theme.dim));
    let cursor = (
        found.confusions.len(),
        scene.browse.confused.min(found.confusions.len() - 1),
    );
    rows::render(Pane::Summary, (area, head), cursor, buffer, scene, |place| {
        let confusion = found.confusions.get(place)?;
        let (filled, rest) = bar(confusion.share, width);
        Some(Line::from(vec![
            Span::styled(pad(&label(confusion.gold), names), Style::new().fg(theme.text)),
            Span::styled(" → ", Style::new().fg(theme.dim)),
            Span::styled(pad(&label(confusion.predicted), names), Style::new().fg(theme.bad)),
            Span::styled(
                format!(" {:>8}", count(confusion.images.into())),
                Style::new().fg(theme.text),
            ),
            Span::styled(format!(" {:>8} ", percent(confusion.share)), Style::new().fg(theme.dim)),
            Span::styled(filled, Style::new().fg(theme.bad)),
            Span::styled(rest, Style::new().fg(theme.faint)),
        ]))
    });
}
