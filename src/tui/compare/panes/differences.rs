//! Where B is better or worse than A: recall of each class (with more than two sessions, in each of them), or the difference
//! of the confusion matrices.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::Widget,
};

use super::{figures::nothing, recalls};
use crate::{
    figures::{count, percent, signed},
    text::{clean, columns, fit, pad},
    theme::Theme,
    tui::{
        compare::compared::Compared,
        panes::{
            frame::{bordered, more_below, nothing_yet},
            scene::Scene,
        },
        ui::Pane,
    },
};

/// Columns of a cell of the matrix, including the gap.
const CELL: usize = 6;

/// Paints the pane.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let (title, note) = if scene.compare.confusion {
        ("confusion, B − A", "gold down, says across")
    } else {
        match scene.compare.many {
            Some(_) => ("recall, %", "• the best"),
            None => ("recall, B − A", ""),
        }
    };
    let inner = bordered(Pane::Differences, title, note, area, buffer, scene);
    let width = usize::from(inner.width);
    let lines = match (&scene.compare.compared, &scene.compare.many, scene.compare.confusion) {
        (_, Some(many), false) => recalls::lines(many, width, scene),
        (None, ..) => return nothing_yet(&nothing(scene), inner, buffer, scene.theme),
        (Some(compared), _, true) => confusion(compared, width, scene.cursor.class, scene.theme),
        (Some(compared), None, false) => classes(compared, width, scene.theme),
    };
    let hidden = lines.len().saturating_sub(inner.height.into());
    let from = scene.ui.scrolled(Pane::Differences, hidden);
    more_below(hidden - from, area, buffer, scene.theme);
    for (y, line) in (inner.y..inner.bottom()).zip(lines.into_iter().skip(from)) {
        line.render(Rect { y, height: 1, ..inner }, buffer);
    }
}

/// `awe    ░░░░▒▒▒▒|          82.1 % → 74.0 %   -8.1   n 71`: the bar grows from its middle.
fn classes(compared: &Compared, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let classes = &compared.figures.per_class;
    let names = classes
        .keys()
        .map(|label| columns(&clean(label)))
        .max()
        .unwrap_or(0)
        .min(width / 3);
    let room = width.saturating_sub(names + 2 + 38) / 2;
    let widest = classes
        .values()
        .map(|class| (class.recall_b - class.recall_a).abs())
        .filter(|d| d.is_finite())
        .fold(0.05, f64::max);
    let line = |(label, class): (&String, &crate::metrics::ClassDifference)| {
        let difference = class.recall_b - class.recall_a;
        let length = if difference.is_finite() {
            ((difference.abs() / widest) * room as f64).round() as usize
        } else {
            0
        };
        let (left, right) = if difference < 0.0 { (length, 0) } else { (0, length) };
        let color = sign(difference, theme);
        let change = if difference.is_finite() {
            signed(difference * 100.0, 1)
        } else {
            String::new()
        };
        Line::from(vec![
            Span::styled(format!("{}  ", pad(&clean(label), names)), Style::new().fg(theme.text)),
            Span::raw(" ".repeat(room - left)),
            Span::styled("━".repeat(left), Style::new().fg(theme.less)),
            Span::styled("│", Style::new().fg(theme.faint)),
            Span::styled("━".repeat(right), Style::new().fg(theme.more)),
            Span::raw(" ".repeat(room - right)),
            Span::styled(
                format!(" {:>7} → {:>7}", percent(class.recall_a), percent(class.recall_b)),
                Style::new().fg(theme.dim),
            ),
            Span::styled(
                format!(" {change:>6}"),
                Style::new().fg(color).add_modifier(Modifier::BOLD),
            ),
            Span::styled(
                format!("  n {}", count(class.support as u64)),
                Style::new().fg(theme.dim),
            ),
        ])
    };
    classes.iter().map(line).collect()
}

/// If not all columns fit, scrolls to the class under the cursor.
fn confusion(compared: &Compared, width: usize, class: usize, theme: &Theme) -> Vec<Line<'static>> {
    let matrix = &compared.figures.confusion_difference;
    let labels: Vec<String> = matrix.labels.iter().map(|label| clean(label)).collect();
    let names = labels
        .iter()
        .map(|label| columns(label))
        .max()
        .unwrap_or(0)
        .min(width / 4);
    let across = (width.saturating_sub(names) / CELL).min(labels.len());
    let left = (class.min(labels.len().saturating_sub(1)) + 1).saturating_sub(across);
    let most = matrix
        .counts
        .iter()
        .flatten()
        .map(|cell| cell.unsigned_abs())
        .max()
        .unwrap_or(0);
    let head = labels
        .iter()
        .skip(left)
        .take(across)
        .map(|label| format!("{:>CELL$}", fit(label, CELL - 1)));
    let head = format!("{}{}", " ".repeat(names), head.collect::<String>());
    let mut lines = vec![Line::styled(head, Style::new().fg(theme.dim))];
    for (label, row) in labels.iter().zip(&matrix.counts) {
        let mut spans = vec![Span::styled(pad(label, names), Style::new().fg(theme.text))];
        spans.extend(row.iter().skip(left).take(across).flat_map(|&cell| {
            let text = if cell == 0 {
                "·".to_owned()
            } else {
                format!("{cell:+}")
            };
            let style = weighed(cell, most, theme);
            [
                Span::raw(" "),
                Span::styled(format!("{text:>width$}", width = CELL - 1), style),
            ]
        }));
        lines.push(Line::from(spans));
    }
    lines
}

/// Emphasises a cell in two steps: from a third and from two thirds of the largest difference.
fn weighed(cell: i64, most: u64, theme: &Theme) -> Style {
    let color = if cell == 0 {
        theme.faint
    } else {
        sign(cell as f64, theme)
    };
    let style = Style::new().fg(color);
    match 3 * cell.unsigned_abs() {
        0 => style,
        of if of > 2 * most => Style::new().fg(theme.on_accent).bg(color).add_modifier(Modifier::BOLD),
        of if of > most => style.add_modifier(Modifier::BOLD),
        _ => style,
    }
}

/// Orange for more in B, purple for less; the sign shows it without colour.
fn sign(difference: f64, theme: &Theme) -> Color {
    match difference {
        d if d > 0.0 => theme.more,
        d if d < 0.0 => theme.less,
        _ => theme.dim,
    }
}
