//! The sessions, a row each.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::{Scene, bordered, nothing_yet, portrait::message};
use crate::{
    session::{SPARK, SessionState, SessionSummary, Utc},
    tui::{
        figures::{count, duration, percent, sparkline},
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
    let names = all
        .iter()
        .map(|session| columns(&clean(&session.name)))
        .max()
        .unwrap_or(0);
    let widths = Widths::of(inner.width.into(), names);
    let head = Line::styled(widths.heading(), Style::new().fg(theme.dim));
    let cursor = (sessions.shown.len(), sessions.selected);
    super::rows::render(Pane::Sessions, (inner, head), cursor, buffer, scene, |row| {
        let session = sessions.row(row)?;
        let mark = sessions.marked.iter().position(|path| *path == session.path);
        Some(widths.line(session, mark, theme))
    });
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
        let finite = session.spark.iter().copied();
        let (low, high) = (
            finite.clone().fold(f64::INFINITY, f64::min),
            finite.fold(f64::NEG_INFINITY, f64::max),
        );
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
                &sparkline(&session.spark, low, high),
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
