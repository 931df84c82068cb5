//! Details of the group under the cursor: its settings, its figures, the first group's against it, and its runs.

use ratatui::{
    style::Style,
    text::{Line, Span},
};

use crate::{
    figures::percent,
    runs::{Column, Groups},
    text::{clean, columns},
    theme::Theme,
    tui::{
        panes::words::wrapped,
        sessions::{Sessions, groups::figures},
    },
};

/// The pane's lines.
pub fn lines(groups: &Groups, sessions: &Sessions, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let (text, dim) = (Style::new().fg(theme.text), Style::new().fg(theme.dim));
    let (Some(group), runs) = (sessions.chosen_group(), sessions.runs()) else {
        return Vec::new();
    };
    let row = |column: &Column, value: &str| {
        let name = format!("{}  ", column.name());
        if columns(&name) + columns(value) > width {
            return [wrapped(&name, width, dim), wrapped(&clean(value), width, text)].concat();
        }
        vec![Line::from(vec![
            Span::styled(name, dim),
            Span::styled(clean(value), text),
        ])]
    };
    let mut lines = Vec::new();
    for column in &groups.settings {
        let value = column.shown(&group.cell(&runs, column));
        lines.extend(row(column, &value));
    }
    if groups.settings.is_empty() {
        lines.extend(wrapped("all runs have the same settings but for the seed", width, dim));
    }
    lines.push(Line::default());
    lines.extend(wrapped("mean ± standard deviation over the seeds", width, dim));
    for column in figures() {
        if let Some(spread) = group.spread(&runs, &column) {
            let shown = column.shown_spread(&spread, group.runs.len());
            lines.extend(row(&column, &shown));
        }
    }
    if let Some(first) = groups.groups.first().filter(|_| sessions.selected > 0) {
        lines.push(Line::default());
        lines.extend(wrapped(
            "against the first row, with 95 % intervals (Welch)",
            width,
            dim,
        ));
        let before = lines.len();
        for column in figures() {
            if let Some(found) = group.minus(first, &runs, &column) {
                let shown = column.shown_difference(&found);
                lines.extend(row(&column, &shown));
            }
        }
        if lines.len() == before {
            lines.extend(wrapped("needs two runs of each group", width, dim));
        }
    }
    lines.push(Line::default());
    lines.extend(wrapped("runs", width, dim));
    for run in group.runs.iter().filter_map(|&run| runs.get(run)) {
        let test = run.test_accuracy.map(percent).unwrap_or_default();
        lines.extend(wrapped(&clean(&format!("{}  {test}", run.name)), width, text));
    }
    lines
}
