//! The confusion matrix; its cursor's cell can become the filter.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::Widget,
};

use crate::{
    text::{clean, columns, fit, pad},
    tui::{
        browse::rows::Rows,
        panes::scene::Scene,
        ui::{Pane, Spot},
    },
};

/// Columns of a cell, including the gap.
const CELL: usize = 6;

/// Paints the matrix; where it does not fit, the part around the cursor.
pub fn render(rows: &Rows, area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let theme = scene.theme;
    let labels: Vec<String> = rows.labels.iter().map(|label| clean(label)).collect();
    let widest = labels.iter().map(|label| columns(label)).max().unwrap_or(0);
    let names = widest.min(usize::from(area.width) / 4).max(4);
    let across = ((usize::from(area.width).saturating_sub(names)) / CELL).min(labels.len());
    let down = usize::from(area.height.saturating_sub(1)).min(labels.len());
    let gold = scene.cursor.class.min(labels.len().saturating_sub(1));
    let predicted = scene.browse.predicted;
    let window = |at: usize, room: usize| (at + 1).saturating_sub(room);
    let (left, top) = (window(predicted, across), window(gold, down));

    let mut head = vec![Span::raw(" ".repeat(names))];
    for label in labels.iter().skip(left).take(across) {
        let text = format!("{:>CELL$}", fit(label, CELL - 1));
        head.push(Span::styled(text, Style::new().fg(theme.dim)));
    }
    Line::from(head).render(Rect { height: 1, ..area }, buffer);

    let focused = scene.ui.focus() == Pane::Summary;
    for (y, row) in (area.y + 1..area.bottom()).zip((0..labels.len()).skip(top).take(down)) {
        let counts = rows.confusion.get(row).map(Vec::as_slice).unwrap_or_default();
        let all: u32 = counts.iter().sum();
        let name = labels.get(row).map(|label| pad(label, names)).unwrap_or_default();
        let mut spans = vec![Span::styled(name, Style::new().fg(theme.text))];
        for (x, (column, &count)) in (0_u16..).zip(counts.iter().enumerate().skip(left).take(across)) {
            let cell = Rect::new(area.x + names as u16 + x * CELL as u16, y, CELL as u16, 1);
            scene.ui.spots.push((Spot::Cell(row, column), cell.intersection(area)));
            let share = f64::from(count) / f64::from(all.max(1));
            let text = if count == 0 {
                "·".to_owned()
            } else if scene.browse.normalised {
                format!("{:.0}", share * 100.0)
            } else {
                count.to_string()
            };
            let mut style = match (count, row == column) {
                (0, _) => Style::new().fg(theme.faint),
                (_, true) => Style::new().fg(theme.good),
                _ => Style::new().fg(theme.bad),
            };
            if share >= 0.1 && row != column {
                style = style.add_modifier(Modifier::BOLD);
            }
            if (row, column) == (gold, predicted) && focused {
                style = Style::new()
                    .fg(theme.on_accent)
                    .bg(theme.accent)
                    .add_modifier(Modifier::BOLD);
            }
            spans.push(Span::raw(" "));
            spans.push(Span::styled(
                format!("{:>width$}", fit(&text, CELL - 1), width = CELL - 1),
                style,
            ));
        }
        Line::from(spans).render(Rect { y, height: 1, ..area }, buffer);
    }
}
