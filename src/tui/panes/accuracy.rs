//! Accuracy per emotion (stage 2) or per aspect (stage 1) at the last evaluation, and its change since the one before.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Widget,
};

use super::{Scene, bar, bordered, more_below, nothing_yet};
use crate::{
    data::View,
    session::{Evaluation, Stage},
    tui::{
        figures::{count, loss, percent},
        text::{clean, columns, pad},
        theme::Theme,
        ui::Pane,
    },
};

/// A class or an aspect.
struct Row {
    name: String,
    share: f64,
    before: Option<f64>,
    support: Option<usize>,
}

/// Paints the pane.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let stage = scene.ui.cursor.stage(scene.state);
    let (newest, before) = stage.map_or((None, None), |stage| scene.state.evaluations(stage));
    let title = if stage == Some(Stage::Aspects) {
        "accuracy per aspect"
    } else {
        "accuracy per emotion"
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
    let Some(newest) = newest else {
        let text = if scene.commands {
            "no evaluation yet; e asks for one"
        } else {
            "no evaluation yet"
        };
        return nothing_yet(text, inner, buffer, scene.theme);
    };

    let rows = rows(newest, before);
    let summary_rows = u16::from(usize::from(inner.height) > rows.len());
    let room = usize::from(inner.height - summary_rows);
    let hidden = rows.len().saturating_sub(room);
    let from = scene.ui.scrolled(Pane::Accuracy, hidden);
    more_below(hidden - from, area, buffer, scene.theme);
    let name_width = rows
        .iter()
        .map(|row| columns(&row.name))
        .max()
        .unwrap_or(0)
        .min(usize::from(inner.width) / 3);
    for (y, row) in (inner.y..inner.bottom() - summary_rows).zip(rows.iter().skip(from)) {
        line(row, name_width, inner.width.into(), scene.theme).render(
            Rect {
                y,
                height: 1,
                ..inner
            },
            buffer,
        );
    }
    if summary_rows == 1 {
        let bottom = Rect {
            y: inner.bottom() - 1,
            height: 1,
            ..inner
        };
        summary(newest, before, scene.theme).render(bottom, buffer);
    }
}

fn rows(newest: &Evaluation, before: Option<&Evaluation>) -> Vec<Row> {
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
            support: None,
        };
        return newest.aspect_accuracy.iter().map(row).collect();
    }
    let classes = newest.metrics.per_class.iter();
    classes
        .map(|(label, class)| Row {
            name: clean(label),
            share: class.recall,
            before: before
                .and_then(|before| before.metrics.per_class.get(label))
                .map(|class| class.recall),
            support: Some(class.support),
        })
        .collect()
}

/// `amusement  ━━━━━━━━╸────  82.1 %  ▲ 3.1  n 32`
fn line(row: &Row, name_width: usize, width: usize, theme: &Theme) -> Line<'static> {
    let support = row
        .support
        .map(|support| format!("  n {:<5}", count(support as u64)))
        .unwrap_or_default();
    let (change, color) = change(row.share, row.before, theme);
    let right = columns(&support) + 17;
    let bar_width = width.saturating_sub(name_width + 2 + right);
    let (filled, rest) = bar(row.share, bar_width);
    Line::from(vec![
        Span::styled(
            format!("{}  ", pad(&row.name, name_width)),
            Style::new().fg(theme.text),
        ),
        Span::styled(filled, Style::new().fg(theme.bar)),
        Span::styled(rest, Style::new().fg(theme.faint)),
        Span::styled(
            format!(" {:>7}", percent(row.share)),
            Style::new().fg(theme.text),
        ),
        Span::styled(format!("  {}", pad(&change, 7)), Style::new().fg(color)),
        Span::styled(support, Style::new().fg(theme.dim)),
    ])
}

fn summary(newest: &Evaluation, before: Option<&Evaluation>, theme: &Theme) -> Line<'static> {
    let figure = |name: &str, value: String| {
        [
            Span::styled(format!("{name} "), Style::new().fg(theme.dim)),
            Span::styled(value, Style::new().fg(theme.text)),
        ]
    };
    let mean = overall(newest);
    let (change, color) = change(mean, before.map(overall), theme);
    let mut spans = figure(
        if newest.aspect_accuracy.is_empty() {
            "all"
        } else {
            "mean"
        },
        percent(mean),
    )
    .to_vec();
    spans.push(Span::styled(
        format!(" {}", pad(&change, 7)),
        Style::new().fg(color),
    ));
    if newest.aspect_accuracy.is_empty() {
        spans.extend(figure("macro-F1", percent(newest.metrics.macro_f1)));
        spans.extend(figure("   ECE", format!("{:.3}", newest.metrics.ece)));
    }
    spans.extend(figure("   loss", loss(newest.loss)));
    Line::from(spans)
}

/// The accuracy over all samples, in stage 1 the mean over the aspects.
fn overall(evaluation: &Evaluation) -> f64 {
    let aspects = &evaluation.aspect_accuracy;
    if aspects.is_empty() {
        return evaluation.metrics.accuracy;
    }
    aspects.iter().map(|(_, share)| share).sum::<f64>() / aspects.len() as f64
}

/// The change in percentage points, with a sign that needs no colour.
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
