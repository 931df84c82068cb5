//! The smoothed losses of both sessions on one plot; for a single session its loss, with the two evaluations marked on
//! it.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    style::{Color, Style},
    text::{Line, Span},
    widgets::Widget,
};

use super::figures::nothing;
use crate::{
    figures,
    session::{Stage, StageHistory},
    text::{clean, fit},
    theme::Theme,
    tui::{
        axis::grown,
        compare::{losses::Losses, side::Side},
        metric::Metric,
        panes::{
            frame::{bordered, nothing_yet},
            plot::{self, Curve, Plot, Shape},
            scene::Scene,
        },
        series::{Reading, Series, Window},
        ui::Pane,
    },
};

/// The labels at the curves' ends.
const SIGNS: [char; 2] = ['A', 'B'];

/// Paints the pane: stage 2, or stage 1 if neither session has reached stage 2.
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
    let one_session = sides[0].folder == sides[1].folder;
    let evaluated: Vec<Vec<(f64, f64)>> = sides
        .iter()
        .map(|side| Vec::from_iter(at(side, stage, weight)))
        .collect();
    let mut names = Vec::new();
    let mut curves = Vec::new();
    for ((place, side), series) in sides.iter().enumerate().zip(&mut scene.losses.series) {
        let Some(history) = history(side, stage) else { continue };
        let color = scene.overlays.color(&side.folder, scene.folder, theme);
        let sign = SIGNS[place];
        if !(one_session && place == 1) {
            series.follow(history);
            let sign = (!one_session).then_some(sign);
            curves.push(Curve {
                shape: Shape::Columns(series.smooth.columns()),
                color,
                sign,
            });
            let last = Reading::of(history, Metric::Loss, weight, None).smoothed;
            names.extend(named(sign, &side.name, last, color, theme));
        }
        if one_session {
            // A single session has one loss curve; the evaluations are marked on it.
            curves.push(Curve {
                shape: Shape::Apart(&evaluated[place]),
                color: theme.validation,
                sign: Some(sign),
            });
            if let Some(&(step, _)) = evaluated[place].first() {
                let text = format!("{sign} at step {}   ", figures::count(step as u64));
                names.push(Span::styled(text, Style::new().fg(theme.validation)));
            }
        }
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

/// The step and the smoothed loss of a side's evaluation, if it is known and of this stage.
fn at(side: &Side, stage: Stage, weight: f64) -> Option<(f64, f64)> {
    let step = side.evaluation()?.prompt.filter(|_| stage == Stage::Prompt)?;
    let loss = Reading::of(history(side, stage)?, Metric::Loss, weight, Some(step)).smoothed?;
    Some((step as f64, loss)).filter(|_| loss.is_finite())
}

/// `━ A name 0.512`
fn named(sign: Option<char>, name: &str, last: Option<f64>, color: Color, theme: &Theme) -> [Span<'static>; 3] {
    let sign = sign.map(|sign| format!("{sign} ")).unwrap_or_default();
    let last = figures::loss(last.unwrap_or(f64::NAN));
    [
        Span::styled(format!("━ {sign}"), Style::new().fg(color)),
        Span::styled(format!("{} ", fit(&clean(name), 20)), Style::new().fg(theme.dim)),
        Span::styled(format!("{last}   "), Style::new().fg(theme.text)),
    ]
}

fn history(side: &Side, stage: Stage) -> Option<&StageHistory> {
    side.state.history(stage).filter(|history| !history.steps.is_empty())
}
