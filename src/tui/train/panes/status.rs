//! The run's progress: stage and phase with their bars, throughput, time left, memory, and which model runs on which
//! device.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::Widget,
};

use crate::{
    figures::{bytes, count, duration, loss, percent, short},
    session::{RunState, RunStatus, Stage},
    text::{clean, columns, fit},
    theme::Theme,
    tui::panes::{bar::bar, scene::Scene},
};

/// Paints as many of its three lines as fit.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &Scene) {
    let lines = [stage_line, phase_line, facts_line];
    if let Some(waits) = scene.waits.as_ref().filter(|_| scene.state.session.is_none()) {
        // Nothing is known of a run yet.
        let style = Style::new().fg(scene.theme.text).add_modifier(Modifier::BOLD);
        return Line::styled(fit(&clean(&waits.words()), area.width.into()), style).render(area, buffer);
    }
    for (y, line) in (area.y..area.bottom()).zip(lines) {
        line(scene.state, area.width.into(), scene.theme).render(Rect { y, height: 1, ..area }, buffer);
    }
}

/// The run's state as a mark and a word, with its colour.
#[must_use]
pub fn badge(state: &RunState, theme: &Theme) -> (&'static str, Color) {
    match state.status() {
        RunStatus::Starting => ("◌ starting", theme.dim),
        RunStatus::Running => ("● running", theme.good),
        RunStatus::Paused => ("‖ paused", theme.warning),
        RunStatus::Done => ("✓ done", theme.good),
        RunStatus::Stopped => ("■ stopped", theme.warning),
        RunStatus::Failed => ("✗ failed", theme.bad),
    }
}

/// `aspects  stage 1 of 2  ━━━━━━━╸──────  1,204 / 3,000  40.1 %  3m 12s left`
fn stage_line(state: &RunState, width: usize, theme: &Theme) -> Line<'static> {
    let Some(stage) = state.stage else {
        return Line::styled("starting", Style::new().fg(theme.text).add_modifier(Modifier::BOLD));
    };
    let done = state.history(stage).map_or(0, |history| history.last_step());
    let planned = state.planned_steps(stage);
    let share = planned
        .filter(|&planned| planned > 0)
        .map(|planned| done as f64 / planned as f64);
    let right = [
        planned.map_or_else(
            || format!("step {}", count(done)),
            |planned| format!("{} / {}", count(done), count(planned)),
        ),
        share.map(percent).unwrap_or_default(),
        time_left(state),
    ];
    bar_line(
        &stage_place(state, stage),
        stage.name(),
        share,
        &right,
        counts_width(state),
        width,
        theme,
    )
}

/// `training  ━━━━━━━╸──────  120 / 256`
fn phase_line(state: &RunState, width: usize, theme: &Theme) -> Line<'static> {
    if let Some(ended) = &state.ended {
        let color = if state.status() == RunStatus::Failed {
            theme.bad
        } else {
            theme.text
        };
        return Line::styled(
            fit(&format!("ended: {}", clean(&ended.reason)), width),
            Style::new().fg(color),
        );
    }
    let name = state.phase.as_ref().map(|phase| clean(&phase.name)).unwrap_or_default();
    match &state.progress {
        Some(progress) if progress.total > 0 && !counts_steps(state, progress.total) => {
            let share = progress.done as f64 / progress.total as f64;
            let right = [
                format!("{} / {}", count(progress.done), count(progress.total)),
                percent(share),
                String::new(),
            ];
            let said = clean(&progress.phase);
            bar_line(
                "",
                if said.is_empty() { &name } else { &said },
                Some(share),
                &right,
                counts_width(state),
                width,
                theme,
            )
        }
        _ => Line::styled(fit(&name, width), Style::new().fg(theme.text)),
    }
}

/// Whether a progress of `total` would only repeat the stage's own bar.
fn counts_steps(state: &RunState, total: u64) -> bool {
    state.stage.and_then(|stage| state.planned_steps(stage)) == Some(total)
}

/// The current figures and, if there is room, the model and the device.
fn facts_line(state: &RunState, width: usize, theme: &Theme) -> Line<'static> {
    let mut facts = Vec::new();
    let last = state.stage.and_then(|stage| state.history(stage)?.steps.last());
    if let Some(point) = last {
        facts.push(("loss", loss(point.loss)));
        facts.extend(state.throughput().map(|rate| ("samples/s", short(rate))));
        facts.push(("lr", short(point.lr)));
        facts.push(("grad norm", short(point.grad_norm)));
        facts.push(("epoch", format!("{:.2}", point.epoch)));
        let hits = state.cache_hits().map(|share| format!("{:.0} %", 100.0 * share));
        facts.extend(hits.map(|hits| ("cache hits", hits)));
    }
    facts.extend(state.memory.map(|memory| ("memory", bytes(memory))));
    facts.push(("at work", duration(state.active_s)));
    if let Some(session) = &state.session {
        facts.push(("device", clean(&session.device)));
        facts.push(("model", clean(session.model.rsplit('/').next().unwrap_or_default())));
        let quantised = session.settings["model"]["quantize"].as_str();
        facts.extend(
            quantised
                .filter(|format| *format != "none")
                .map(|format| ("weights", clean(format))),
        );
        facts.push(("data", clean(&session.dataname)));
    }
    let (mut spans, mut used) = (Vec::new(), 0);
    for (name, value) in facts {
        let gap = if used == 0 { "" } else { "   " };
        used += columns(gap) + columns(name) + 1 + columns(&value);
        if used > width {
            break;
        }
        spans.push(Span::styled(format!("{gap}{name} "), Style::new().fg(theme.dim)));
        spans.push(Span::styled(value, Style::new().fg(theme.text)));
    }
    Line::from(spans)
}

/// A name, a note, a bar in the remaining width, and figures in fixed columns. If there is little room, the bar and the
/// note are left out first.
fn bar_line(
    note: &str,
    name: &str,
    share: Option<f64>,
    right: &[String; 3],
    figures_width: usize,
    width: usize,
    theme: &Theme,
) -> Line<'static> {
    let widths = [figures_width, 9, 14];
    let wide = width >= 70;
    let figures: String = if wide {
        let figures = right.iter().zip(widths);
        figures.map(|(text, width)| format!("{text:>width$}")).collect()
    } else {
        fitting(right, width.saturating_sub(columns(name)))
    };
    let label = if wide {
        format!("{:<24}", fit(&format!("{name}  {note}"), 23))
    } else {
        fit(name, width.saturating_sub(columns(&figures)))
    };
    let mut spans = vec![Span::styled(
        label.clone(),
        Style::new().fg(theme.text).add_modifier(Modifier::BOLD),
    )];
    let left = width.saturating_sub(columns(&label) + columns(&figures));
    if let Some(share) = share.filter(|_| left >= 6) {
        let air = if wide { 0 } else { 2 };
        let (filled, rest) = bar(share, left - air);
        spans.push(Span::raw(" ".repeat(air)));
        spans.push(Span::styled(filled, Style::new().fg(theme.accent)));
        spans.push(Span::styled(rest, Style::new().fg(theme.faint)));
    } else {
        spans.push(Span::raw(" ".repeat(left)));
    }
    spans.push(Span::styled(figures, Style::new().fg(theme.text)));
    Line::from(spans)
}

/// The figures that fit into `room`: the share first, then the time, then the counts.
fn fitting(figures: &[String; 3], mut room: usize) -> String {
    let mut shown = ["", "", ""];
    for place in [1, 2, 0] {
        let wide = columns(&figures[place]) + 2;
        if wide > 2 && wide <= room {
            (shown[place], room) = (&figures[place], room - wide);
        }
    }
    shown
        .iter()
        .filter(|text| !text.is_empty())
        .map(|text| format!("  {text}"))
        .collect()
}

/// The column of the counts: wide enough for the stage's at its end.
fn counts_width(state: &RunState) -> usize {
    let planned = state.stage.and_then(|stage| state.planned_steps(stage)).unwrap_or(0);
    (2 * count(planned).len() + 5).max(15)
}

fn stage_place(state: &RunState, stage: Stage) -> String {
    let plan = state
        .session
        .as_ref()
        .map(|session| session.plan.as_slice())
        .unwrap_or_default();
    match plan.iter().position(|(planned, _)| *planned == stage) {
        Some(place) if plan.len() > 1 => format!("stage {} of {}", place + 1, plan.len()),
        _ => String::new(),
    }
}

fn time_left(state: &RunState) -> String {
    match state.eta() {
        Some(eta) if eta.stage_s > 0.0 => format!("{} left", duration(eta.stage_s)),
        _ => String::new(),
    }
}
