//! The smoothed losses of both sessions over each other.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    style::Style,
    text::{Line, Span},
    widgets::Widget,
};

use super::{
    Scene, bordered,
    comparison::nothing,
    nothing_yet,
    plot::{self, Curve, Plot, Shape},
};
use crate::{
    session::{Stage, StageHistory},
    tui::{
        axis::grown,
        compare::Side,
        figures,
        metric::Metric,
        series::{Reading, Series, Window},
        text::{clean, fit},
        ui::Pane,
    },
};

/// The two series, kept from frame to frame.
#[derive(Debug, Clone, Default)]
pub struct Losses {
    stage: Option<Stage>,
    series: [Series; 2],
}

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
    let weight = scene.ui.smoothing.weight();
    let note = format!("stage {} · smoothed {weight}", stage.name());
    let inner = bordered(Pane::Losses, "loss", &note, area, buffer, scene);
    let [legend, rest] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(inner);
    let Some(place) = plot::place(rest, true) else { return };
    let steps = sides.iter().filter_map(|side| history(side, stage));
    let end = steps.map(StageHistory::last_step).max().unwrap_or(0);
    let window = Window {
        metric: Metric::Loss,
        log: false,
        weight,
        from: 0.0,
        to: grown(end as f64),
        dots: usize::from(place.width) * 2,
    };
    if scene.losses.stage != Some(stage) || *scene.losses.series[0].window() != window {
        *scene.losses = Losses {
            stage: Some(stage),
            series: [Series::new(window), Series::new(window)],
        };
    }
    let mut names = Vec::new();
    let mut curves = Vec::new();
    for ((sign, side), series) in ['A', 'B'].into_iter().zip(sides).zip(&mut scene.losses.series) {
        let Some(history) = history(side, stage) else { continue };
        series.follow(history);
        let color = scene.overlays.color(&side.folder, scene.folder, theme);
        let last = Reading::of(history, Metric::Loss, weight, None).smoothed;
        names.extend([
            Span::styled(format!("━ {sign} "), Style::new().fg(color)),
            Span::styled(format!("{} ", fit(&clean(&side.name), 20)), Style::new().fg(theme.dim)),
            Span::styled(
                format!("{}   ", figures::loss(last.unwrap_or(f64::NAN))),
                Style::new().fg(theme.text),
            ),
        ]);
        curves.push(Curve {
            shape: Shape::Columns(series.smooth.columns()),
            color,
            sign: Some(sign),
        });
    }
    Line::from(names).render(legend, buffer);
    let plot = Plot {
        window,
        curves,
        crosshair: None,
        steps: true,
    };
    if !plot.render(rest, buffer, theme) {
        nothing_yet("no step was logged yet", rest, buffer, theme);
    }
}

fn history(side: &Side, stage: Stage) -> Option<&StageHistory> {
    side.state.history(stage).filter(|history| !history.steps.is_empty())
}
