//! Accuracy per emotion (stage 2) or per aspect (stage 1) at the last evaluation, its change since the one before, and the
//! frozen model's as a mark in each bar.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Widget,
};

use crate::{
    data::View,
    figures::{calibration, count, loss, percent},
    keymap::{Action, Screen},
    session::{Evaluation, Metrics, Stage},
    text::{clean, columns, pad},
    theme::Theme,
    tui::{
        panes::{
            bar::bar,
            frame::{bordered, more_below, nothing_yet},
            scene::Scene,
        },
        ui::{Pane, Spot},
    },
};

/// Marks where a bar would end with the figures from before training.
const MARK: &str = "┃";

/// A class or an aspect.
struct Row {
    name: String,
    share: f64,
    before: Option<f64>,
    /// The share before training; `None` if it is unknown.
    start: Option<f64>,
    support: Option<usize>,
}

/// Figures from before training, which are marked in the bars.
struct Start<'a> {
    /// The mark's label.
    name: String,
    metrics: &'a Metrics,
    aspects: &'a [(View, f64)],
    overall: f64,
}

impl<'a> Start<'a> {
    /// The frozen model's figures, if the session has them; otherwise those of an evaluation at step 0.
    fn of(stage: Stage, newest: &Evaluation, scene: &Scene<'a>) -> Option<Self> {
        if let Some(metrics) = scene.frozen.filter(|_| stage == Stage::Prompt) {
            return Some(Self {
                name: named("frozen", metrics, &newest.metrics),
                metrics,
                aspects: &[],
                overall: metrics.accuracy,
            });
        }
        let evaluations = &scene.state.history(stage)?.evaluations;
        let first = evaluations.first().filter(|first| first.step == 0 && newest.step > 0)?;
        Some(Self {
            name: named("step 0", &first.metrics, &newest.metrics),
            metrics: &first.metrics,
            aspects: &first.aspect_accuracy,
            overall: first.overall_accuracy(),
        })
    }

    fn class(&self, label: &str) -> Option<f64> {
        self.metrics.class(label).map(|class| class.recall)
    }

    fn aspect(&self, view: View) -> Option<f64> {
        self.aspects.iter().find(|(of, _)| *of == view).map(|(_, share)| *share)
    }
}

/// The mark's label. If its figures come from another split or number of images than the bars', it says so.
fn named(what: &str, of: &Metrics, bars: &Metrics) -> String {
    match (of.split == bars.split, of.samples == bars.samples) {
        (true, true) => what.to_owned(),
        (true, false) => format!("{what}, {} images", count(of.samples as u64)),
        (false, _) => format!("{what}, {}", clean(&of.split)),
    }
}

/// Paints the pane: the figures at the cursor's step.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let (state, theme, cursor) = (scene.state, scene.theme, scene.cursor);
    let stage = cursor.stage(state);
    let until = cursor.until();
    let (newest, before) = stage.map_or((None, None), |stage| state.evaluations_until(stage, until));
    let by_class = stage != Some(Stage::Aspects);
    let title = if by_class {
        "accuracy per emotion"
    } else {
        "accuracy per aspect"
    };
    let note = newest.map_or(String::new(), |e| {
        format!(
            "{} · {} samples · step {}",
            clean(&e.metrics.split),
            count(e.metrics.samples as u64),
            count(e.step)
        )
    });
    let inner = bordered(Pane::Accuracy, title, &note, area, buffer, scene);
    let Some((stage, newest)) = stage.zip(newest) else {
        let text = match (cursor.step, scene.commands) {
            (Some(_), _) => "no evaluation up to this step".to_owned(),
            (None, true) => {
                let key = scene.keymap.key_for(Screen::Train, Action::Evaluate);
                format!("no evaluation yet; {key} asks for one")
            }
            (None, false) => "no evaluation yet".to_owned(),
        };
        return nothing_yet(&text, inner, buffer, theme);
    };

    let start = Start::of(stage, newest, scene);
    let rows = rows(newest, before, start.as_ref());
    let summary_rows = u16::from(usize::from(inner.height) > rows.len());
    let room = usize::from(inner.height - summary_rows);
    let hidden = rows.len().saturating_sub(room);
    if by_class {
        // Keep the cursor's class visible.
        let top = scene.ui.scroll.entry(Pane::Accuracy).or_insert(0);
        *top = (*top).min(cursor.class).max((cursor.class + 1).saturating_sub(room));
    }
    let from = scene.ui.scrolled(Pane::Accuracy, hidden);
    more_below(hidden - from, area, buffer, theme);
    let names = rows.iter().map(|row| columns(&row.name)).max().unwrap_or(0);
    let names = names.min(usize::from(inner.width) / 3);
    let marked = (by_class && scene.ui.focus() == Pane::Accuracy).then_some(cursor.class);
    let lines = (inner.y..inner.bottom() - summary_rows).zip(rows.iter().enumerate().skip(from));
    for (y, (place, row)) in lines {
        let area = Rect { y, height: 1, ..inner };
        line(row, names, inner.width.into(), theme).render(area, buffer);
        if by_class {
            scene.ui.spots.push((Spot::Class(place), area));
        }
        if marked == Some(place) {
            let name = Rect {
                width: names as u16,
                ..area
            };
            buffer.set_style(name, Style::new().fg(theme.on_accent).bg(theme.accent));
        }
    }
    if summary_rows == 1 {
        let bottom = Rect {
            y: inner.bottom() - 1,
            height: 1,
            ..inner
        };
        summary(newest, before, start.as_ref(), inner.width.into(), theme).render(bottom, buffer);
    }
}

fn rows(newest: &Evaluation, before: Option<&Evaluation>, start: Option<&Start>) -> Vec<Row> {
    if !newest.aspect_accuracy.is_empty() {
        let earlier = |view: View| {
            before?
                .aspect_accuracy
                .iter()
                .find(|(of, _)| *of == view)
                .map(|(_, share)| *share)
        };
        let row = |&(view, share): &(View, f64)| Row {
            name: view.name().replace('_', " "),
            share,
            before: earlier(view),
            start: start.and_then(|start| start.aspect(view)),
            support: None,
        };
        return newest.aspect_accuracy.iter().map(row).collect();
    }
    let classes = newest.metrics.per_class.keys();
    classes
        .filter_map(|label| Some((label, newest.metrics.class(label)?)))
        .map(|(label, class)| Row {
            name: clean(label),
            share: class.recall,
            before: before
                .and_then(|before| before.metrics.class(label))
                .map(|class| class.recall),
            start: start.and_then(|start| start.class(label)),
            support: Some(class.support),
        })
        .collect()
}

/// `amusement  ━━┃━━━━━╸────  82.1 %  ▲ 3.1  n 32`
fn line(row: &Row, name_width: usize, width: usize, theme: &Theme) -> Line<'static> {
    let support = row
        .support
        .map(|support| format!("  n {:<5}", count(support as u64)))
        .unwrap_or_default();
    let (change, color) = change(row.share, row.before, theme);
    let right = columns(&support) + 17;
    let bar_width = width.saturating_sub(name_width + 2 + right);
    let name = format!("{}  ", pad(&row.name, name_width));
    let mut spans = vec![Span::styled(name, Style::new().fg(theme.text))];
    spans.extend(marked_bar(row.share, row.start, bar_width, theme));
    spans.extend([
        Span::styled(format!(" {:>7}", percent(row.share)), Style::new().fg(theme.text)),
        Span::styled(format!("  {}", pad(&change, 7)), Style::new().fg(color)),
        Span::styled(support, Style::new().fg(theme.dim)),
    ]);
    Line::from(spans)
}

/// A bar filled by `share`, with a mark where `start` would end.
fn marked_bar(share: f64, start: Option<f64>, width: usize, theme: &Theme) -> Vec<Span<'static>> {
    let (filled, rest) = bar(share, width);
    let end = filled.chars().count();
    let cells = filled + &rest;
    let part = |from: usize, to: usize, color| {
        let text: String = cells.chars().skip(from).take(to.saturating_sub(from)).collect();
        Span::styled(text, Style::new().fg(color))
    };
    let start = start.filter(|start| start.is_finite() && width > 0);
    let Some(start) = start.map(|start| start.clamp(0.0, 1.0)) else {
        return vec![part(0, end, theme.bar), part(end, width, theme.faint)];
    };
    let at = ((start * width as f64) as usize).min(width - 1);
    vec![
        part(0, at.min(end), theme.bar),
        part(end, at, theme.faint),
        Span::styled(MARK, Style::new().fg(theme.text)),
        part(at + 1, end, theme.bar),
        part(end.max(at + 1), width, theme.faint),
    ]
}

/// The figures over all rows, as many as fit.
fn summary(
    newest: &Evaluation,
    before: Option<&Evaluation>,
    start: Option<&Start>,
    width: usize,
    theme: &Theme,
) -> Line<'static> {
    let figure = |name: &str, value: String| {
        vec![
            Span::styled(format!("{name} "), Style::new().fg(theme.dim)),
            Span::styled(value, Style::new().fg(theme.text)),
        ]
    };
    let by_class = newest.aspect_accuracy.is_empty();
    let mean = newest.overall_accuracy();
    let (change, color) = change(mean, before.map(Evaluation::overall_accuracy), theme);
    let mut line = Line::from(figure(if by_class { "all" } else { "mean" }, percent(mean)));
    line.push_span(Span::styled(format!(" {}", pad(&change, 7)), Style::new().fg(color)));
    let mut figures = Vec::new();
    if let Some(start) = start {
        let mut figure = figure(&start.name, percent(start.overall));
        figure.insert(0, Span::styled(format!("{MARK} "), Style::new().fg(theme.text)));
        figures.push(figure);
    }
    if by_class {
        figures.push(figure("macro-F1", percent(newest.metrics.macro_f1)));
        figures.push(figure("ECE", calibration(newest.metrics.ece)));
    }
    figures.push(figure("loss", loss(newest.loss)));
    for (place, figure) in figures.into_iter().enumerate() {
        let gap = if place == 0 { 0 } else { 3 };
        let needed: usize = figure.iter().map(Span::width).sum();
        if line.width() + gap + needed > width {
            break;
        }
        line.push_span(" ".repeat(gap));
        line.extend(figure);
    }
    line
}

/// The change in percentage points; its sign makes it readable without colour.
fn change(now: f64, before: Option<f64>, theme: &Theme) -> (String, ratatui::style::Color) {
    let Some(points) = before
        .map(|before| (now - before) * 100.0)
        .filter(|points| points.is_finite())
    else {
        return (String::new(), theme.dim);
    };
    match points {
        p if p >= 0.05 => (format!("▲ {p:.1}"), theme.good),
        p if p <= -0.05 => (format!("▼ {:.1}", -p), theme.bad),
        _ => ("=".to_owned(), theme.dim),
    }
}
