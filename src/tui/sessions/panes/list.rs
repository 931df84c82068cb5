//! The list of sessions, one row each.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::{
    cells::{GAP, NARROWEST, aligned},
    groups,
};
use crate::{
    figures::count,
    runs::Column,
    session::{SessionState, SessionSummary},
    text::clean,
    theme::Theme,
    tui::{
        panes::{
            frame::{bordered, nothing_yet},
            portrait::message,
            rows,
            scene::Scene,
        },
        sessions::Sessions,
        ui::{Pane, Spot},
    },
};

/// Paints the pane and scrolls so that the cursor's row is visible.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let (sessions, theme) = (scene.sessions, scene.theme);
    let room = usize::from(area.width.saturating_sub(4));
    let widths = Widths::of(room, sessions);
    let inner = bordered(
        Pane::Sessions,
        "sessions",
        &note(sessions, &widths),
        area,
        buffer,
        scene,
    );
    let all = match &sessions.all {
        None => return nothing_yet("reading the sessions …", inner, buffer, theme),
        Some(Err(reason)) => return message(&clean(reason), inner, buffer, theme.bad),
        Some(Ok(all)) => all,
    };
    if all.is_empty() {
        return nothing_yet(
            "no sessions yet; `masp demo` makes the first ones",
            inner,
            buffer,
            theme,
        );
    }
    if let Some(found) = &sessions.groups {
        return groups::render(found, inner, buffer, scene);
    }
    for (place, heading) in widths.headings(inner) {
        scene.ui.spots.push((Spot::Sort(place), heading));
    }
    let head = widths.heading(sessions, theme);
    let cursor = (sessions.shown.len(), sessions.selected);
    rows::render(Pane::Sessions, (inner, head), cursor, buffer, scene, |row| {
        let session = sessions.row(row)?;
        Some(widths.line(session, sessions.letter(&session.path), theme))
    });
}

/// `finished · 12 · by start · 2 columns have no room`
fn note(sessions: &Sessions, widths: &Widths) -> String {
    let mut parts = Vec::new();
    if !sessions.filter.is_empty() {
        parts.push(clean(&sessions.filter));
    }
    if sessions.within.is_some() {
        parts.push("one group".to_owned());
    }
    let order = format!("by {}", sessions.sort.column.name());
    match &sessions.groups {
        Some(groups) => {
            let number = groups.groups.len();
            parts.push(format!("{} in {number} group{}", sessions.shown.len(), plural(number)));
        }
        None => {
            parts.extend([count(sessions.shown.len() as u64), order]);
            match sessions.columns.len() - widths.0.len() {
                0 => {}
                1 => parts.push("1 column has no room".to_owned()),
                hidden => parts.push(format!("{hidden} columns have no room")),
            }
        }
    }
    parts.join(" · ")
}

const fn plural(number: usize) -> &'static str {
    if number == 1 { "" } else { "s" }
}

/// Columns of the marks' letters.
const MARK: usize = 2;
/// The widest a text is shown.
const WIDEST: usize = 32;

/// The columns that have room, with their widths.
struct Widths(Vec<(Column, usize)>);

impl Widths {
    fn of(room: usize, sessions: &Sessions) -> Self {
        let wanted: Vec<(&Column, usize)> = sessions
            .columns
            .iter()
            .zip(&sessions.widths)
            .map(|(column, &width)| (column, width.min(WIDEST)))
            .collect();
        let mut left = room.saturating_sub(MARK);
        let mut taken = Vec::new();
        for (column, width) in wanted {
            let gap = if taken.is_empty() { 0 } else { GAP };
            let can_be_cut = column.is_text() && *column != Column::Curve;
            let least = if can_be_cut { width.min(NARROWEST) } else { width };
            // The first column is always there; a text may be cut at the right border.
            if left < gap + least && !taken.is_empty() {
                break;
            }
            let width = width.min(left.saturating_sub(gap));
            left = left.saturating_sub(gap + width);
            taken.push((column.clone(), width));
        }
        Self(taken)
    }

    /// Where the headings stand, by the place of their column.
    fn headings(&self, area: Rect) -> Vec<(usize, Rect)> {
        let mut x = usize::from(area.x) + MARK;
        let mut found = Vec::new();
        for (place, (_, width)) in self.0.iter().enumerate() {
            let heading = Rect::new(x as u16, area.y, *width as u16, 1).intersection(area);
            found.push((place, heading));
            x += width + GAP;
        }
        found
    }

    fn heading(&self, sessions: &Sessions, theme: &Theme) -> Line<'static> {
        let mut spans = vec![Span::raw(" ".repeat(MARK))];
        for (place, (column, width)) in self.0.iter().enumerate() {
            let (style, name) = if *column == sessions.sort.column {
                let sign = if sessions.sort.descending { '↓' } else { '↑' };
                (Style::new().fg(theme.accent), format!("{}{sign}", column.name()))
            } else {
                (Style::new().fg(theme.dim), column.name().to_owned())
            };
            if place > 0 {
                spans.push(Span::raw(" ".repeat(GAP)));
            }
            spans.push(Span::styled(aligned(&name, *width, column), style));
        }
        Line::from(spans)
    }

    fn line(&self, session: &SessionSummary, letter: Option<char>, theme: &Theme) -> Line<'static> {
        let cells = self.0.iter().map(|(column, width)| {
            let shown = clean(&column.shown(&column.cell(session)));
            aligned(&shown, *width, column)
        });
        let cells: Vec<String> = cells.collect();
        let letter = letter.map(String::from).unwrap_or_default();
        let color = match session.state {
            SessionState::Live => theme.good,
            SessionState::Paused => theme.warning,
            SessionState::Failed | SessionState::Crashed | SessionState::Unreadable => theme.bad,
            SessionState::Finished | SessionState::Stopped => theme.text,
        };
        let style = Style::new().fg(color);
        let style = if letter.is_empty() {
            style
        } else {
            style.add_modifier(Modifier::BOLD)
        };
        let row = format!("{letter:<MARK$}{}", cells.join(&" ".repeat(GAP)));
        Line::from(Span::styled(row, style))
    }
}
