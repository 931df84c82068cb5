//! The form for a new run, with each field's problem beside it.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::Widget,
};

use crate::{
    keymap::{Action, Scope},
    text::{clean, columns, fit, pad},
    theme::Theme,
    tui::{
        panes::{entry::typed, frame::popup, notice::way, scene::Scene, words::wrapped},
        sessions::form::{Form, Row},
    },
};

const WIDTH: u16 = 100;
/// Columns of the fields' names.
const NAME: usize = 19;
/// Rows below the fields: a gap, the start, and its message.
const BELOW: u16 = 4;

/// Paints the form in the middle of `screen`; and scrolls so that the field under the cursor is visible.
pub fn render(screen: Rect, buffer: &mut Buffer, scene: &Scene) {
    let (Some(form), theme) = (&scene.sessions.form, scene.theme) else {
        return;
    };
    let height = form.rows.len() as u16 + BELOW + 2;
    let title = match &form.like {
        Some(like) => format!("new run, as {}", clean(like)),
        None => "new run".to_owned(),
    };
    let (_, inner) = popup(&title, [WIDTH, height], screen, buffer, theme);
    let seen = usize::from(inner.height.saturating_sub(BELOW).max(1)).min(form.rows.len());
    let top = (form.at + 1).saturating_sub(seen).min(form.rows.len() - seen);
    let room = usize::from(inner.width);
    let mut lines: Vec<Line> = (form.rows.iter().enumerate().skip(top).take(seen))
        .map(|(place, row)| line(row, place == form.at, room, theme))
        .collect();
    lines.push(Line::default());
    lines.push(start(form, theme));
    let mut below = below(form, room, theme);
    let left = usize::from(inner.height).saturating_sub(lines.len());
    if below.len() > left && left > 0 {
        below.truncate(left - 1);
        let key = scene.keymap.key_in(&[Scope::Form], Action::Message);
        below.push(Line::styled(way(&key, room), Style::new().fg(theme.bad)));
    }
    lines.extend(below);
    for (y, line) in (inner.y..inner.bottom()).zip(lines) {
        line.render(Rect { y, height: 1, ..inner }, buffer);
    }
}

/// A mark if it was changed, a field's name, its value, and its problem, its first value or what an empty one means.
fn line(row: &Row, focused: bool, room: usize, theme: &Theme) -> Line<'static> {
    let name = Style::new().fg(if focused { theme.accent } else { theme.dim });
    let name = if focused {
        name.add_modifier(Modifier::BOLD)
    } else {
        name
    };
    let width = (room.saturating_sub(NAME) / 2).min(40);
    let mark = if row.is_changed() { "● " } else { "  " };
    let mut spans = vec![
        Span::styled(mark, Style::new().fg(theme.accent)),
        Span::styled(pad(row.field.name, NAME - 2), name),
    ];
    spans.extend(value(row, focused, width, theme));
    let note = room.saturating_sub(NAME + width + 2);
    let note = match &row.problem {
        Some(problem) => Span::styled(
            fit(&format!("  ✗ {}", clean(problem)), note + 2),
            Style::new().fg(theme.bad),
        ),
        None if row.is_changed() && !row.field.value.is_empty() => Span::styled(
            fit(&format!("  was {}", clean(&row.field.value)), note + 2),
            Style::new().fg(theme.dim),
        ),
        None if row.line.value().is_empty() => Span::styled(
            fit(&format!("  {}", row.field.empty), note + 2),
            Style::new().fg(theme.dim),
        ),
        None => Span::default(),
    };
    spans.push(note);
    Line::from(spans)
}

/// A field's value in `width` columns: underlined if it can be typed, between marks if it is a choice.
fn value(row: &Row, focused: bool, width: usize, theme: &Theme) -> Vec<Span<'static>> {
    let text = Style::new().fg(theme.text);
    if !row.field.choices.is_empty() {
        let marks = Style::new().fg(if focused { theme.accent } else { theme.faint });
        let chosen = fit(&clean(row.line.value()), width.saturating_sub(4));
        let rest = " ".repeat(width.saturating_sub(columns(&chosen) + 4));
        return vec![
            Span::styled("‹ ", marks),
            Span::styled(chosen, text),
            Span::styled(format!(" ›{rest}"), marks),
        ];
    }
    let place = text.add_modifier(Modifier::UNDERLINED);
    if !focused {
        return vec![Span::styled(pad(&clean(row.line.value()), width), place)];
    }
    let mut spans = typed(&row.line, width.saturating_sub(1), theme).to_vec();
    let used: usize = spans.iter().map(Span::width).sum();
    spans.push(Span::raw(" ".repeat(width.saturating_sub(used))));
    for span in &mut spans {
        span.style = span.style.add_modifier(Modifier::UNDERLINED);
    }
    spans
}

fn start(form: &Form, theme: &Theme) -> Line<'static> {
    if form.rows.is_empty() {
        return Line::default();
    }
    let style = if form.is_on_start() {
        Style::new().fg(theme.on_accent).bg(theme.accent)
    } else {
        Style::new().fg(theme.accent)
    };
    let (message, color) = match form.wrong() {
        _ if form.starting => ("starting: model and data are being read …".to_owned(), theme.dim),
        0 => {
            let changed = match form.changed() {
                0 => String::new(),
                1 => "1 field changed · ".to_owned(),
                changed => format!("{changed} fields changed · "),
            };
            let where_to = "in the background; its screen opens when it has begun";
            (format!("{changed}{where_to}"), theme.dim)
        }
        1 => ("1 field is wrong".to_owned(), theme.bad),
        wrong => (format!("{wrong} fields are wrong"), theme.bad),
    };
    Line::from(vec![
        Span::styled(" start ", style.add_modifier(Modifier::BOLD)),
        Span::styled(format!("  {message}"), Style::new().fg(color)),
    ])
}

/// Why nothing was started, or the whole problem of the field under the cursor.
fn below(form: &Form, room: usize, theme: &Theme) -> Vec<Line<'static>> {
    let style = Style::new().fg(theme.bad);
    form.message()
        .map(|message| wrapped(&clean(message), room, style))
        .unwrap_or_default()
}
