//! The confusion matrix, shaded by each cell's share of its row; its cursor's cell can become the filter.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::Widget,
};

use crate::{
    text::{clean, columns, fit, pad, wrap},
    theme::Theme,
    tui::{
        browse::rows::Rows,
        panes::scene::Scene,
        ui::{Pane, Spot},
    },
};

/// The fewest columns of a cell, including the gap.
const CELL: usize = 6;

/// Paints the matrix; where it does not fit, the part around the cursor, with marks where there is more.
pub fn render(rows: &Rows, area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let theme = scene.theme;
    let labels: Vec<String> = rows.labels.iter().map(|label| clean(label)).collect();
    let widest = labels.iter().map(|label| columns(label)).max().unwrap_or(0);
    let names = widest.min(usize::from(area.width) / 4).max(4);
    let room = usize::from(area.width).saturating_sub(names + 1);
    let cell = (room / labels.len().max(1)).clamp(CELL, widest.max(CELL - 1) + 1);
    let heads: Vec<Vec<String>> = labels.iter().map(|label| wrap(label, cell - 1)).collect();
    // Whole names if no row of the matrix has to go for them.
    let whole = heads.iter().map(Vec::len).max().unwrap_or(1);
    let high = if whole + labels.len() <= usize::from(area.height) {
        whole
    } else {
        1
    };
    let across = (room / cell).min(labels.len());
    let down = usize::from(area.height).saturating_sub(high).min(labels.len());
    let gold = scene.cursor.class.min(labels.len().saturating_sub(1));
    let predicted = scene.browse.predicted;
    let window = |at: usize, room: usize| (at + 1).saturating_sub(room);
    let (left, top) = (window(predicted, across), window(gold, down));
    let dim = Style::new().fg(theme.dim);

    for (y, line) in (area.y..area.bottom()).zip(0..high) {
        let mut head = vec![Span::raw(" ".repeat(names))];
        for (label, head_of) in labels.iter().zip(&heads).skip(left).take(across) {
            let text = if high == 1 {
                fit(label, cell - 1)
            } else {
                // The last line stands directly above the column.
                let from = high - head_of.len();
                line.checked_sub(from)
                    .and_then(|line| head_of.get(line))
                    .cloned()
                    .unwrap_or_default()
            };
            head.push(Span::styled(format!("{:>1$}", "", cell - columns(&text)), dim));
            head.push(Span::styled(text, dim));
        }
        Line::from(head).render(Rect { y, height: 1, ..area }, buffer);
    }
    let first = area.y + high as u16;
    more([left > 0, left + across < labels.len()], area, buffer, theme);

    let focused = scene.ui.focus() == Pane::Summary;
    for (y, row) in (first..area.bottom()).zip((0..labels.len()).skip(top).take(down)) {
        let counts = rows.confusion.get(row).map(Vec::as_slice).unwrap_or_default();
        let all: u32 = counts.iter().sum();
        let name = labels.get(row).map(|label| pad(label, names)).unwrap_or_default();
        let hidden = (row == top && top > 0, row + 1 == top + down && row + 1 < labels.len());
        let mark = match hidden {
            (true, _) => "▴",
            (_, true) => "▾",
            _ => "",
        };
        let mut spans = vec![Span::styled(name, Style::new().fg(theme.text))];
        for (x, (column, &count)) in (0_u16..).zip(counts.iter().enumerate().skip(left).take(across)) {
            let place = Rect::new(area.x + names as u16 + x * cell as u16, y, cell as u16, 1);
            scene.ui.spots.push((Spot::Cell(row, column), place.intersection(area)));
            let share = f64::from(count) / f64::from(all.max(1));
            let text = if count == 0 {
                "·".to_owned()
            } else if scene.browse.normalised {
                format!("{:.0}", share * 100.0)
            } else {
                count.to_string()
            };
            let mut style = of_cell(share, row == column, theme);
            if (row, column) == (gold, predicted) && focused {
                style = Style::new()
                    .fg(theme.on_accent)
                    .bg(theme.accent)
                    .add_modifier(Modifier::BOLD);
            }
            spans.push(Span::raw(" "));
            spans.push(Span::styled(
                format!("{:>width$}", fit(&text, cell - 1), width = cell - 1),
                style,
            ));
        }
        let line = Rect { y, height: 1, ..area };
        Line::from(spans).render(line, buffer);
        Line::styled(mark, dim).right_aligned().render(line, buffer);
    }
}

/// Marks columns beyond the left and the right edge.
fn more([left, right]: [bool; 2], area: Rect, buffer: &mut Buffer, theme: &Theme) {
    let style = Style::new().fg(theme.dim);
    let head = Rect { height: 1, ..area };
    if left {
        Line::styled("‹", style).render(head, buffer);
    }
    if right {
        Line::styled("›", style).right_aligned().render(head, buffer);
    }
}

/// The colour of right or wrong, behind the text the stronger the larger the share of the row; without shades in the text.
fn of_cell(share: f64, right: bool, theme: &Theme) -> Style {
    let color = if right { theme.good } else { theme.bad };
    let style = match theme.shade(color, share) {
        _ if share == 0.0 => Style::new().fg(theme.faint),
        Some(ground) => Style::new().fg(theme.text).bg(ground),
        None => Style::new().fg(color),
    };
    if share >= 0.1 && !right {
        style.add_modifier(Modifier::BOLD)
    } else {
        style
    }
}
