//! Groups of sessions, one row each: the settings that tell them apart, and their figures as mean and standard deviation.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::cells::{GAP, NARROWEST, aligned};
use crate::{
    runs::{Column, Group, Groups},
    session::SessionSummary,
    text::{clean, columns, pad},
    theme::Theme,
    tui::{
        panes::{frame::nothing_yet, rows, scene::Scene},
        sessions::groups::figures,
        ui::Pane,
    },
};

/// Paints the groups; the first stands out, because the others are compared with it.
pub fn render(groups: &Groups, area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let (sessions, theme) = (scene.sessions, scene.theme);
    if groups.groups.is_empty() {
        return nothing_yet("no session passes the filter", area, buffer, theme);
    }
    let runs = sessions.runs();
    let table: Vec<Vec<String>> = groups.groups.iter().map(|group| cells(group, groups, &runs)).collect();
    let heads = heads(groups);
    let mut widths: Vec<usize> = heads
        .iter()
        .enumerate()
        .map(|(place, (name, _))| {
            let cells = table.iter().map(|row| columns(&row[place]));
            cells.max().unwrap_or(0).max(columns(name))
        })
        .collect();
    narrow(&mut widths, groups.settings.len(), area.width.into());
    let head = heads
        .iter()
        .zip(&widths)
        .map(|((name, column), width)| cell(name, *width, column.as_ref()));
    let head = Line::styled(
        head.collect::<Vec<_>>().join(&" ".repeat(GAP)),
        Style::new().fg(theme.dim),
    );
    let cursor = (table.len(), sessions.selected);
    rows::render(Pane::Sessions, (area, head), cursor, buffer, scene, |row| {
        let cells = heads.iter().zip(table.get(row)?).zip(&widths);
        let cells = cells.map(|(((_, column), text), width)| cell(text, *width, column.as_ref()));
        let text = cells.collect::<Vec<_>>().join(&" ".repeat(GAP));
        Some(Line::from(Span::styled(text, style(row, theme))))
    });
}

/// Narrows the settings, the widest first, until all has room, and then leaves the last figures out.
fn narrow(widths: &mut Vec<usize>, settings: usize, room: usize) {
    let needed = |widths: &[usize]| widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
    while needed(widths) > room {
        let widest = (0..settings).max_by_key(|&place| widths[place]);
        match widest.filter(|&widest| widths[widest] > NARROWEST) {
            Some(widest) => widths[widest] -= 1,
            None if widths.len() > settings + 2 => _ = widths.pop(),
            None => break,
        }
    }
}

fn style(row: usize, theme: &Theme) -> Style {
    let style = Style::new().fg(theme.text);
    if row == 0 {
        style.add_modifier(Modifier::BOLD)
    } else {
        style
    }
}

/// Names with their columns; the number of runs is none.
fn heads(groups: &Groups) -> Vec<(String, Option<Column>)> {
    let named = |column: Column| (column.name().to_owned(), Some(column));
    let settings = groups.settings.iter().cloned().map(named);
    let number = [("runs".to_owned(), None)];
    settings.chain(number).chain(figures().map(named)).collect()
}

fn cells(group: &Group, groups: &Groups, runs: &[&SessionSummary]) -> Vec<String> {
    let settings = groups
        .settings
        .iter()
        .map(|column| clean(&column.shown(&group.cell(runs, column))));
    let figures = figures().map(|column| {
        let spread = group.spread(runs, &column);
        spread
            .map(|spread| column.shown_spread(&spread, group.runs.len()))
            .unwrap_or_default()
    });
    let number = [group.runs.len().to_string()];
    settings.chain(number).chain(figures).collect()
}

fn cell(text: &str, width: usize, column: Option<&Column>) -> String {
    match column {
        // A setting may be a number or a text; both stand left.
        Some(Column::Setting(_)) => pad(text, width),
        Some(column) => aligned(text, width, column),
        None => format!("{text:>width$}"),
    }
}

#[cfg(test)]
mod tests {
    use super::narrow;

    #[test]
    fn settings_give_way_before_figures() {
        let narrowed = |room| {
            let mut widths = vec![40, 10, 4, 12, 12];
            narrow(&mut widths, 2, room);
            widths
        };
        assert_eq!(narrowed(86), [40, 10, 4, 12, 12]);
        assert_eq!(narrowed(60), [14, 10, 4, 12, 12]);
        assert_eq!(narrowed(50), [8, 8, 4, 12]);
    }
}
