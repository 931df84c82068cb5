//! The list of sessions, one row each.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
};

use crate::{
    figures::{count, duration, percent, sparkline},
    session::{SPARK, SessionState, SessionSummary, Utc},
    text::{clean, columns, fit, pad},
    theme::Theme,
    tui::{
        panes::{
            frame::{bordered, nothing_yet},
            portrait::message,
            rows,
            scene::Scene,
        },
        sessions::Sort,
        ui::{Pane, Spot},
    },
};

/// Paints the pane and scrolls so that the cursor's row is visible.
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
    let words = [
        ("name", Sort::Name),
        ("state", Sort::State),
        ("best", Sort::Best),
        ("started", Sort::Started),
    ];
    rows::clickable(&head, words.map(|(word, sort)| (word, Spot::Sort(sort))), inner, scene);
    let cursor = (sessions.shown.len(), sessions.selected);
    rows::render(Pane::Sessions, (inner, head), cursor, buffer, scene, |row| {
        let session = sessions.row(row)?;
        let mark = sessions.marked.iter().position(|path| *path == session.path);
        Some(widths.line(session, mark, theme))
    });
}

/// The width of each column; 0 if there is no room for it.
struct Widths {
    name: usize,
    time: usize,
    /// Columns of the small curve, each with one or two points.
    spark: usize,
    started: usize,
    data: usize,
    model: usize,
}

impl Widths {
    fn of(width: usize, longest: usize) -> Self {
        // The columns of mark, state, progress, best and test.
        let mut left = width.saturating_sub(2 + 10 + 16 + 7 + 7);
        let name = longest.clamp(8, 32).min(left);
        left -= name;
        let mut take = |columns: usize| {
            let taken = if left >= columns { columns } else { 0 };
            left -= taken;
            taken
        };
        let (time, half, started, rest) = (take(9), take(SPARK / 2 + 2), take(18), take(SPARK / 2));
        let (data, model) = (take(12), take(18));
        Self {
            name,
            time,
            spark: half + rest,
            started,
            data,
            // The last column gets the remaining room.
            model: if model > 0 { model + left } else { 0 },
        }
    }

    fn heading(&self) -> String {
        self.row(
            "",
            "name",
            ["state", "progress", "best", "test"],
            ["time", "loss", "started (UTC)", "data", "model"],
        )
    }

    fn row(&self, mark: &str, name: &str, [state, progress, best, test]: [&str; 4], rest: [&str; 5]) -> String {
        let mut text = format!(
            "{mark:<2}{} {state:<9}{progress:>16}{best:>7}{test:>7}",
            pad(name, self.name)
        );
        let widths = [self.time, self.spark, self.started, self.data, self.model];
        for (value, width) in rest.into_iter().zip(widths) {
            if width > 0 {
                text += &format!("  {}", pad(value, width - 2));
            }
        }
        text
    }

    /// The small curve, reduced to the width of its column.
    fn points(&self, session: &SessionSummary) -> String {
        let pairs: Vec<f64> = session
            .spark
            .chunks(2)
            .map(|two| two.iter().sum::<f64>() / two.len() as f64)
            .collect();
        let points = if self.spark > SPARK { &session.spark } else { &pairs };
        let low = points.iter().copied().fold(f64::INFINITY, f64::min);
        let high = points.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        sparkline(points, low, high)
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
                &fit(&session.progress(), 15),
                &share(session.best_accuracy),
                &share(session.test_accuracy),
            ],
            [
                &duration(session.duration),
                &self.points(session),
                &started,
                &clean(&session.dataname),
                &clean(&session.model),
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
