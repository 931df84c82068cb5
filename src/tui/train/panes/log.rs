//! The log, newest line last; warnings are highlighted and counted.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Widget,
};

use crate::{
    figures::clock,
    session::{LogKind, LogLine},
    text::{clean, fit},
    theme::Theme,
    tui::{
        panes::{
            frame::{bordered, more_below, nothing_yet},
            scene::Scene,
        },
        ui::Pane,
    },
};

/// Paints the pane; the scroll offset counts from the end.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let warnings = match scene.state.warnings.len() {
        0 => String::new(),
        1 => "1 warning".to_owned(),
        many => format!("{many} warnings"),
    };
    let inner = bordered(Pane::Log, "log", &warnings, area, buffer, scene);
    let log = &scene.state.log;
    if log.is_empty() {
        return nothing_yet("no messages yet", inner, buffer, scene.theme);
    }
    let rows = usize::from(inner.height);
    let back = scene.ui.scrolled(Pane::Log, log.len().saturating_sub(rows));
    more_below(back, area, buffer, scene.theme);
    let shown = log.range(log.len().saturating_sub(rows + back)..log.len() - back);
    for (y, entry) in (inner.y..).zip(shown) {
        line(entry, inner.width.into(), scene.theme).render(Rect { y, height: 1, ..inner }, buffer);
    }
}

fn line(entry: &LogLine, width: usize, theme: &Theme) -> Line<'static> {
    let (mark, color) = match entry.kind {
        LogKind::Phase => ("·", theme.dim),
        LogKind::Log => (" ", theme.text),
        LogKind::Warning => ("!", theme.warning),
        LogKind::Evaluation => ("◆", theme.validation),
        LogKind::Checkpoint => ("▪", theme.good),
        LogKind::Command => ("›", theme.accent),
        LogKind::Resumed => ("↻", theme.accent),
        LogKind::Ended => ("■", theme.text),
    };
    let said = if matches!(entry.kind, LogKind::Phase | LogKind::Warning) {
        color
    } else {
        theme.text
    };
    let time = format!("{:>7} ", clock(entry.at));
    let room = width.saturating_sub(time.len() + 2);
    Line::from(vec![
        Span::styled(time, Style::new().fg(theme.dim)),
        Span::styled(format!("{mark} "), Style::new().fg(color)),
        Span::styled(fit(&clean(&entry.text), room), Style::new().fg(said)),
    ])
}
