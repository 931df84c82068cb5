//! Details of the session under the cursor.

use ratatui::{buffer::Buffer, layout::Rect, style::Style, text::Line, widgets::Widget};

use super::group;
use crate::{
    figures::{count, duration, percent},
    session::{SessionSummary, Utc, differences},
    text::clean,
    theme::Theme,
    tui::{
        panes::{
            frame::{bordered, more_below},
            scene::Scene,
            words::{named, wrapped},
        },
        ui::Pane,
    },
};

/// Paints the pane.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let inner = bordered(Pane::About, "about", "", area, buffer, scene);
    let (sessions, width) = (scene.sessions, inner.width.into());
    let lines = match (sessions.session(), &sessions.groups) {
        (Some(session), _) => {
            let mut lines = lines(session, width, scene.theme);
            if let Some(other) = sessions.beside() {
                lines.push(Line::default());
                lines.extend(differing(session, other, width, scene.theme));
            }
            lines
        }
        (None, Some(groups)) => group::lines(groups, sessions, width, scene.theme),
        (None, None) => return,
    };
    let hidden = lines.len().saturating_sub(inner.height.into());
    let from = scene.ui.scrolled(Pane::About, hidden);
    more_below(hidden - from, area, buffer, scene.theme);
    for (y, line) in (inner.y..inner.bottom()).zip(lines.into_iter().skip(from)) {
        line.render(Rect { y, height: 1, ..inner }, buffer);
    }
}

/// The settings that differ from those of `other`: `train.seed 1 (3407)`.
fn differing(session: &SessionSummary, other: &SessionSummary, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let (text, dim) = (Style::new().fg(theme.text), Style::new().fg(theme.dim));
    let found = differences(&session.settings, &other.settings);
    let name = clean(&other.name);
    if found.is_empty() {
        return wrapped(&format!("the same settings as {name}"), width, dim);
    }
    let mut lines = wrapped(&format!("settings (those of {name} in brackets)"), width, dim);
    for difference in found {
        let [a, b] = difference.shown();
        lines.extend(wrapped(&clean(&format!("{}  {a} ({b})", difference.key)), width, text));
    }
    lines
}

fn lines(session: &SessionSummary, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let (text, dim) = (Style::new().fg(theme.text), Style::new().fg(theme.dim));
    let share = |accuracy: Option<f64>| accuracy.map_or_else(|| "–".to_owned(), percent);
    let rows = [
        ("name", clean(&session.name)),
        ("state", session.state.name().to_owned()),
        ("progress", session.progress()),
        ("steps", count(session.steps)),
        ("best", share(session.best_accuracy)),
        ("test", share(session.test_accuracy)),
        (
            "started",
            session
                .started
                .map(|start| Utc::from_seconds(start).to_minutes())
                .unwrap_or_default(),
        ),
        ("time", duration(session.duration)),
        ("device", clean(&session.device)),
        ("model", clean(&session.model)),
        ("data", format!("{} {}", clean(&session.dataname), clean(&session.data))),
        ("folder", clean(&session.path.display().to_string())),
        ("note", clean(&session.note)),
    ];
    let mut lines: Vec<Line> = rows
        .into_iter()
        .flat_map(|(name, value)| named(name, &value, width, text, dim))
        .collect();
    if let Some(problem) = &session.problem {
        lines.push(Line::default());
        lines.extend(wrapped(&clean(problem), width, Style::new().fg(theme.bad)));
    }
    lines
}
