//! The sessions, a row each.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::Widget,
};

use super::{Scene, bordered, nothing_yet, portrait::message};
use crate::{
    session::{SPARK, SessionState, SessionSummary, Utc},
    tui::{
        figures::{count, duration, percent},
        sessions::Sort,
        text::{clean, columns, fit, pad},
        theme::Theme,
        ui::Pane,
    },
};

/// Paints the pane; the cursor's row is kept in sight.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let (sessions, theme) = (scene.sessions, scene.theme);
    let by = match sessions.sort {
        Sort::Started => "by start",
        Sort::Name => "by name",
        Sort::Best => "by accuracy",
        Sort::State => "by state",
    };
    let filter = if sessions.filter.is_empty() {
        String::new()
    } else {
        format!("{} · ", clean(&sessions.filter))
    };
    let note = format!("{filter}{} · {by}", count(sessions.shown.len() as u64));
    let inner = bordered(Pane::Sessions, "sessions", &note, area, buffer, scene);
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
    if inner.height < 2 {
        return;
    }
    let names = all
        .iter()
        .map(|session| columns(&clean(&session.name)))
        .max()
        .unwrap_or(0);
    let widths = Widths::of(inner.width.into(), names);
    let head = Style::new().fg(theme.dim);
    Line::styled(widths.heading(), head).render(Rect { height: 1, ..inner }, buffer);
    let body = Rect {
        y: inner.y + 1,
        height: inner.height - 1,
        ..inner
    };
    let height = usize::from(body.height);
    let focused = scene.ui.focus() == Pane::Sessions;
    let top = scene.ui.scroll.entry(Pane::Sessions).or_insert(0);
    *top = (*top)
        .min(sessions.selected)
        .max((sessions.selected + 1).saturating_sub(height));
    *top = (*top).min(sessions.shown.len().saturating_sub(height));
    for (y, row) in (body.y..body.bottom()).zip(*top..sessions.shown.len()) {
        let Some(session) = sessions.row(row) else { continue };
        let mark = sessions.marked.iter().position(|path| *path == session.path);
        let area = Rect { y, height: 1, ..body };
        widths.line(session, mark, theme).render(area, buffer);
        if row == sessions.selected {
            let style = if focused {
                Style::new().fg(theme.on_accent).bg(theme.accent)
            } else {
                Style::new().bg(theme.faint)
            };
            buffer.set_style(area, style);
        }
    }
}

/// Columns of each part; 0: there is no room for it.
struct Widths {
    name: usize,
    started: usize,
    time: usize,
    spark: usize,
    data: usize,
}

impl Widths {
    fn of(width: usize, longest: usize) -> Self {
        // Mark, state, progress, best, test.
        let mut left = width.saturating_sub(2 + 11 + 17 + 8 + 8);
        let name = longest.clamp(8, 32).min(left);
        left -= name;
        let mut take = |columns: usize| {
            let taken = if left >= columns { columns } else { 0 };
            left -= taken;
            taken
        };
        let (started, time, spark) = (take(18), take(10), take(SPARK + 2));
        Self {
            name,
            started,
            time,
            spark,
            data: if left >= 10 { left } else { 0 },
        }
    }

    fn heading(&self) -> String {
        self.row(
            "",
            "name",
            ["state", "progress", "best", "test"],
            ["started (UTC)", "time", "loss", "data"],
        )
    }

    fn row(&self, mark: &str, name: &str, [state, progress, best, test]: [&str; 4], rest: [&str; 4]) -> String {
        let mut text = format!(
            "{mark:<2}{} {state:<10} {progress:>16}{best:>8}{test:>8}",
            pad(name, self.name)
        );
        for (value, width) in rest.into_iter().zip([self.started, self.time, self.spark, self.data]) {
            if width > 0 {
                text += &format!("  {}", pad(value, width - 2));
            }
        }
        text
    }

    fn line(&self, session: &SessionSummary, mark: Option<usize>, theme: &Theme) -> Line<'static> {
        let share = |accuracy: Option<f64>| accuracy.map(percent).unwrap_or_default();
        let started = session
            .started
            .map(|start| Utc::from_seconds(start).to_minutes())
            .unwrap_or_default();
        let row = self.row(
            match mark {
                Some(0) => "A",
                Some(_) => "B",
                None => "",
            },
            &clean(&session.name),
            [
                session.state.name(),
                &fit(&session.progress(), 16),
                &share(session.best_accuracy),
                &share(session.test_accuracy),
            ],
            [
                &started,
                &duration(session.duration),
                &sparkline(&session.spark),
                &clean(&session.dataname),
            ],
        );
        let color = match session.state {
            SessionState::Live => theme.good,
            SessionState::Paused => theme.warning,
            SessionState::Failed | SessionState::Crashed | SessionState::Unreadable => theme.bad,
            SessionState::Finished | SessionState::Stopped => theme.text,
        };
        let style = Style::new().fg(color);
        let style = if mark.is_some() {
            style.add_modifier(Modifier::BOLD)
        } else {
            style
        };
        Line::from(Span::styled(row, style))
    }
}

/// The losses from the lowest to the highest.
fn sparkline(losses: &[f64]) -> String {
    let levels = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let low = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let high = losses.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let range = (high - low).max(f64::MIN_POSITIVE);
    losses
        .iter()
        .map(|loss| levels[(((loss - low) / range * 7.0).round() as usize).min(7)])
        .collect()
}
