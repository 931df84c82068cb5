//! The loss: each step dim, smoothed bright, validation as points; the axes grow in steps.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Style},
    symbols::Marker,
    text::{Line, Span},
    widgets::{
        Widget,
        canvas::{Canvas, Context, Line as Stroke, Points},
    },
};

use super::{Scene, bordered, nothing_yet};
use crate::{
    session::{Metric, StageHistory},
    tui::{
        axis::{Axis, grown},
        decimate::{Column, decimate},
        figures,
        theme::Theme,
        ui::Pane,
    },
};

/// The step axis begins with at least so many steps.
const FIRST_STEPS: f64 = 20.0;

/// Paints the pane.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let stage = scene.ui.cursor.stage(scene.state);
    let note = stage
        .map(|stage| format!("stage {}", stage.name()))
        .unwrap_or_default();
    let inner = bordered(Pane::Loss, "loss", &note, area, buffer, scene);
    let history = stage
        .and_then(|stage| scene.state.history(stage))
        .filter(|history| !history.steps.is_empty());
    let Some(history) = history else {
        return nothing_yet(
            "the curve begins with the first step",
            inner,
            buffer,
            scene.theme,
        );
    };
    let weight = scene.ui.smoothing.weight();
    let [legend_area, plot] = [
        Rect {
            height: inner.height.min(1),
            ..inner
        },
        Rect {
            y: inner.y + 1,
            height: inner.height.saturating_sub(1),
            ..inner
        },
    ];
    legend(history, weight, scene.theme).render(legend_area, buffer);
    if plot.height >= 3 && plot.width >= 16 {
        let planned = stage.and_then(|stage| scene.state.planned_steps(stage));
        plot_loss(history, weight, planned, plot, buffer, scene.theme);
    }
}

/// The newest value of each series beside its mark.
fn legend(history: &StageHistory, weight: f64, theme: &Theme) -> Line<'static> {
    let entry = |mark: &'static str, color: Color, name: String, value: String| {
        [
            Span::styled(format!("{mark} "), Style::new().fg(color)),
            Span::styled(format!("{name} "), Style::new().fg(theme.dim)),
            Span::styled(format!("{value}   "), Style::new().fg(theme.text)),
        ]
    };
    let last = history.steps.last().map_or(f64::NAN, |point| point.loss);
    let mut spans = Vec::new();
    if weight > 0.0 {
        let smoothed = history
            .smoothed_loss(weight)
            .last()
            .map_or(f64::NAN, |(_, loss)| loss);
        spans.extend(entry(
            "━",
            theme.smooth,
            format!("smoothed {weight}"),
            figures::loss(smoothed),
        ));
        spans.extend(entry(
            "⠶",
            theme.raw,
            "step".to_owned(),
            figures::loss(last),
        ));
    } else {
        spans.extend(entry(
            "━",
            theme.smooth,
            "step".to_owned(),
            figures::loss(last),
        ));
    }
    if let Some(evaluation) = history.evaluations.last() {
        spans.extend(entry(
            "◆",
            theme.validation,
            "validation".to_owned(),
            figures::loss(evaluation.loss),
        ));
    }
    Line::from(spans)
}

fn plot_loss(
    history: &StageHistory,
    weight: f64,
    planned: Option<u64>,
    area: Rect,
    buffer: &mut Buffer,
    theme: &Theme,
) {
    let reached = (history.last_step() as f64).max(FIRST_STEPS);
    let end = planned.map_or(grown(reached), |planned| {
        grown(reached).min((planned as f64).max(reached))
    });
    // The labels' column is as wide as the widest that the axis can get while the loss keeps its magnitude.
    let gutter = 7.min(area.width / 4);
    let plot = Rect {
        x: area.x + gutter,
        width: area.width - gutter,
        height: area.height - 1,
        ..area
    };
    let dots = usize::from(plot.width) * 2;

    let raw_points = history
        .steps
        .iter()
        .map(|point| (point.step, Metric::Loss.of(point)));
    let raw = decimate(raw_points, 0.0, end, dots);
    let smooth = if weight > 0.0 {
        decimate(history.smoothed_loss(weight), 0.0, end, dots)
    } else {
        Vec::new()
    };
    let validation: Vec<(f64, f64)> = history
        .evaluations
        .iter()
        .map(|e| (e.step as f64, e.loss))
        .filter(|(_, loss)| loss.is_finite())
        .collect();
    let (low, high) = raw
        .iter()
        .flatten()
        .map(|column| (column.min, column.max))
        .chain(validation.iter().map(|&(_, loss)| (loss, loss)))
        .fold(
            (f64::INFINITY, f64::NEG_INFINITY),
            |(low, high), (min, max)| (low.min(min), high.max(max)),
        );
    let y = Axis::new(low, high, usize::from(plot.height / 3).clamp(1, 6));
    let (x_bounds, y_bounds) = ([0.0, end], [y.lo, y.hi]);

    let top = |context: &mut Context, columns: &[Option<Column>], color| {
        context.layer();
        draw_columns(context, columns, end, color);
    };
    Canvas::default()
        .marker(Marker::Braille)
        .x_bounds(x_bounds)
        .y_bounds(y_bounds)
        .paint(|context| {
            for &tick in &y.ticks {
                let dotted: Vec<(f64, f64)> = (0..dots)
                    .step_by(8)
                    .map(|dot| (end * dot as f64 / (dots - 1) as f64, tick))
                    .collect();
                context.draw(&Points {
                    coords: &dotted,
                    color: theme.faint,
                });
            }
            top(
                context,
                &raw,
                if smooth.is_empty() {
                    theme.smooth
                } else {
                    theme.raw
                },
            );
            top(context, &smooth, theme.smooth);
            context.layer();
            for pair in validation.windows(2) {
                context.draw(&Stroke::new(
                    pair[0].0,
                    pair[0].1,
                    pair[1].0,
                    pair[1].1,
                    theme.validation,
                ));
            }
        })
        .render(plot, buffer);

    // A cell of the canvas holds 2 x 4 dots; its corners are dots.
    let row = |value: f64| {
        plot.y
            + (((y.hi - value) / (y.hi - y.lo) * f64::from(plot.height * 4 - 1)).round() as u16 / 4)
                .min(plot.height - 1)
    };
    let column = |step: f64| {
        plot.x
            + ((step / end * f64::from(plot.width * 2 - 1)).round() as u16 / 2).min(plot.width - 1)
    };
    for &(step, loss) in validation.iter().filter(|(step, _)| *step <= end) {
        buffer.set_string(
            column(step),
            row(loss),
            "◆",
            Style::new().fg(theme.validation),
        );
    }
    for &tick in &y.ticks {
        let label = format!(
            "{:>width$} ",
            y.label(tick),
            width = usize::from(gutter.saturating_sub(1))
        );
        buffer.set_stringn(
            area.x,
            row(tick),
            label,
            gutter.into(),
            Style::new().fg(theme.dim),
        );
    }
    step_labels(end, plot, area.bottom() - 1, buffer, theme);
}

/// Steps below the plot: none is cut, the last stands at the end.
fn step_labels(end: f64, plot: Rect, row: u16, buffer: &mut Buffer, theme: &Theme) {
    let axis = Axis::new(0.0, end, usize::from(plot.width / 14).clamp(1, 8));
    let last = figures::count(end as u64);
    let last_at = plot.right().saturating_sub(last.len() as u16);
    let mut free_from = plot.x;
    for &tick in axis.ticks.iter().filter(|&&tick| tick < end) {
        let label = if tick == 0.0 {
            "step 0".to_owned()
        } else {
            figures::count(tick as u64)
        };
        let middle = plot.x + (tick / end * f64::from(plot.width - 1)) as u16;
        let width = label.len() as u16;
        let at = if tick == 0.0 {
            plot.x
        } else {
            middle.saturating_sub(width / 2)
        };
        if at >= free_from && at + width + 2 <= last_at {
            buffer.set_string(at, row, label, Style::new().fg(theme.dim));
            free_from = at + width + 2;
        }
    }
    buffer.set_stringn(
        last_at,
        row,
        last,
        plot.width.into(),
        Style::new().fg(theme.dim),
    );
}

/// Each column's range as an upright stroke, joined to the next.
fn draw_columns(context: &mut Context, columns: &[Option<Column>], end: f64, color: Color) {
    let place = |column: usize| end * column as f64 / columns.len().saturating_sub(1).max(1) as f64;
    let mut before: Option<(f64, f64)> = None;
    for (n, column) in columns
        .iter()
        .enumerate()
        .filter_map(|(n, column)| Some((n, column.as_ref()?)))
    {
        let x = place(n);
        if let Some((from, last)) = before {
            context.draw(&Stroke::new(from, last, x, column.first, color));
        }
        context.draw(&Stroke::new(x, column.min, x, column.max, color));
        before = Some((x, column.last));
    }
}
