//! The smoothed losses of both sessions over each other.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    style::{Color, Style},
    symbols::Marker,
    text::{Line, Span},
    widgets::{
        Widget,
        canvas::{Canvas, Line as Stroke},
    },
};

use super::{Scene, bordered, comparison::nothing, nothing_yet};
use crate::{
    session::{Stage, StageHistory},
    tui::{
        axis::{Axis, grown},
        compare::Side,
        decimate::Decimated,
        figures,
        text::{clean, fit},
        ui::Pane,
    },
};

/// The column of the axis' labels.
const GUTTER: u16 = 7;

/// Paints the pane: stage 2, or stage 1 where neither has gone further.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let theme = scene.theme;
    let Some(sides) = scene.compare.sides.as_deref() else {
        let inner = bordered(Pane::Losses, "loss", "", area, buffer, scene);
        return nothing_yet(&nothing(scene), inner, buffer, theme);
    };
    let has = |stage| sides.iter().any(|side| history(side, stage).is_some());
    let stage = if has(Stage::Prompt) {
        Stage::Prompt
    } else {
        Stage::Aspects
    };
    let note = format!("stage {} · smoothed {}", stage.name(), scene.ui.smoothing.weight());
    let inner = bordered(Pane::Losses, "loss", &note, area, buffer, scene);
    let colors = [theme.less, theme.more];
    let [legend, plot] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(inner);
    if plot.height < 3 || plot.width < 16 {
        return;
    }
    let end = sides
        .iter()
        .filter_map(|side| history(side, stage))
        .map(StageHistory::last_step)
        .max()
        .unwrap_or(0);
    let end = grown(end as f64);
    let dots = usize::from(plot.width - GUTTER) * 2;
    let weight = scene.ui.smoothing.weight();
    let curves = sides.each_ref().map(|side| {
        let mut curve = Decimated::new(0.0, end, dots);
        let mut last = f64::NAN;
        for (step, loss) in history(side, stage)
            .into_iter()
            .flat_map(|history| history.smoothed_loss(weight))
        {
            curve.push(step, loss);
            last = loss;
        }
        (curve, last)
    });
    let names = ["A", "B"]
        .iter()
        .zip(sides)
        .zip(&curves)
        .zip(colors)
        .flat_map(|(((mark, side), (_, last)), color)| {
            [
                Span::styled(format!("━ {mark} "), Style::new().fg(color)),
                Span::styled(format!("{} ", fit(&clean(&side.name), 20)), Style::new().fg(theme.dim)),
                Span::styled(format!("{}   ", figures::loss(*last)), Style::new().fg(theme.text)),
            ]
        });
    Line::from(names.collect::<Vec<_>>()).render(legend, buffer);

    let all = || curves.iter().flat_map(|(curve, _)| curve.columns().iter().flatten());
    let low = all().map(|column| column.min).fold(f64::INFINITY, f64::min);
    let high = all().map(|column| column.max).fold(f64::NEG_INFINITY, f64::max);
    let place = Rect {
        x: plot.x + GUTTER,
        width: plot.width - GUTTER,
        height: plot.height - 1,
        ..plot
    };
    let axis = Axis::new(low, high, usize::from(place.height / 2).clamp(1, 6));
    Canvas::default()
        .marker(Marker::Braille)
        .x_bounds([0.0, end])
        .y_bounds([axis.lo, axis.hi])
        .paint(|context| {
            for ((curve, _), color) in curves.iter().zip(colors) {
                strokes(curve, end, color)
                    .iter()
                    .for_each(|stroke| context.draw(stroke));
                context.layer();
            }
        })
        .render(place, buffer);
    let dim = Style::new().fg(theme.dim);
    for &tick in &axis.ticks {
        let share = (axis.hi - tick) / (axis.hi - axis.lo);
        let row = place.y + (share * f64::from(place.height - 1)).round() as u16;
        let label = format!("{:>width$}", axis.label(tick), width = usize::from(GUTTER - 1));
        buffer.set_stringn(plot.x, row, label, GUTTER.into(), dim);
    }
    let last = figures::count(end as u64);
    let bottom = plot.bottom() - 1;
    buffer.set_stringn(place.x, bottom, "step 0", place.width.into(), dim);
    buffer.set_stringn(
        place.right().saturating_sub(last.len() as u16),
        bottom,
        &last,
        place.width.into(),
        dim,
    );
}

fn history(side: &Side, stage: Stage) -> Option<&StageHistory> {
    side.state.history(stage).filter(|history| !history.steps.is_empty())
}

/// The columns joined, each at its last value.
fn strokes(curve: &Decimated, end: f64, color: Color) -> Vec<Stroke> {
    let columns = curve.columns();
    let step = |n: usize| end * n as f64 / columns.len().saturating_sub(1).max(1) as f64;
    let points: Vec<(f64, f64)> = columns
        .iter()
        .enumerate()
        .filter_map(|(n, column)| Some((step(n), (*column)?.last)))
        .collect();
    points
        .windows(2)
        .map(|two| Stroke::new(two[0].0, two[0].1, two[1].0, two[1].1, color))
        .collect()
}
