//! Metrics step by step, below one another: each step dim, smoothed bright, evaluations as points, other sessions' curves
//! over them; the axes grow in steps.

use std::path::Path;

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Position, Rect},
    style::{Color, Style},
    text::{Line, Span},
    widgets::Widget,
};

use super::{
    Scene, bordered, more_below, nothing_yet,
    plot::{self, Curve, Plot, Shape},
};
use crate::{
    figures::count,
    session::{RunState, Stage, StageHistory},
    text::{clean, fit},
    theme::Theme,
    tui::{
        axis::grown,
        decimate::Decimated,
        metric::Metric,
        overlays::{Overlaid, Overlays},
        series::{Reading, Series, Window},
        span::Span as Steps,
        ui::Pane,
    },
};

/// The step axis begins with at least so many steps.
const FIRST_STEPS: f64 = 20.0;
/// A metric gets at least so many rows, where there are several.
const LEAST_ROWS: u16 = 6;
/// Of them the legend leaves so many to the plot.
const PLOT_ROWS: u16 = 3;
/// An overlaid session's name takes so many columns at most.
const NAME: usize = 16;

/// Paints the pane.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let (state, overlays, theme) = (scene.state, scene.overlays, scene.theme);
    let metrics = scene.ui.metrics();
    let title: Vec<&str> = metrics.iter().map(|metric| metric.title()).collect();
    let stage = scene.ui.cursor.stage(state);
    let note = stage.map(|stage| note(stage, scene)).unwrap_or_default();
    let inner = bordered(Pane::Loss, &title.join(", "), &note, area, buffer, scene);
    let run = stage.and_then(|stage| Some((stage, state.history(stage).filter(|run| !run.steps.is_empty())?)));
    let Some((stage, run)) = run else {
        return nothing_yet("the curve begins with the first step", inner, buffer, theme);
    };
    let others: Vec<(&Overlaid, &StageHistory)> = over(overlays, stage, scene.folder).collect();
    let folder = scene.folder;
    let colors = |overlaid: &Overlaid| {
        let path = &overlaid.folder;
        (overlays.color(path, folder, theme), overlays.sign(path))
    };
    let key = Key {
        stage: Some(stage),
        resumes: state.resumes,
        changes: overlays.changes(),
        others: others.len(),
    };
    if scene.curves.key != key {
        *scene.curves = Curves {
            key,
            ..Curves::default()
        };
    }
    let steps = scene
        .ui
        .span(stage)
        .unwrap_or_else(|| Steps::whole(stage, end(state, stage, overlays)));

    let fitting = usize::from(inner.height / LEAST_ROWS).clamp(1, metrics.len());
    more_below(metrics.len() - fitting, area, buffer, theme);
    let areas = Layout::vertical(vec![Constraint::Fill(1); fitting]).split(inner);
    scene.curves.panels.truncate(fitting);
    for (n, (&area, &metric)) in areas.iter().zip(&metrics).enumerate() {
        let weight = scene.ui.smoothing.weight();
        let readings = Readings {
            metric,
            weight,
            named: metrics.len() > 1,
            at: scene.ui.cursor.step,
        };
        let legend = readings.lines(run, &others, scene, area.width.into());
        let rows = (legend.len() as u16).clamp(1, area.height.saturating_sub(PLOT_ROWS).max(1));
        let [top, rest] = Layout::vertical([Constraint::Length(rows), Constraint::Min(0)]).areas(area);
        for (y, line) in (top.y..top.bottom()).zip(legend) {
            line.render(Rect { y, height: 1, ..top }, buffer);
        }
        let last = n + 1 == fitting;
        let Some(place) = plot::place(rest, last) else { continue };
        let window = Window {
            metric,
            log: scene.ui.log_axis,
            weight,
            from: steps.from,
            to: steps.to,
            dots: usize::from(place.width) * 2,
        };
        scene.curves.columns = (place.x, place.width);
        let panel = scene.curves.panel(n, window, others.len());
        panel.follow(run, &others);
        let plot = Plot {
            window,
            curves: panel.curves(&others, colors, theme),
            crosshair: scene.ui.cursor.step,
            steps: last,
        };
        if !plot.render(rest, buffer, theme) {
            nothing_yet("nothing was logged here yet", rest, buffer, theme);
        }
    }
}

/// `stage prompt · log · zoomed · step 430`
fn note(stage: Stage, scene: &Scene) -> String {
    let mut note = format!("stage {}", stage.name());
    if scene.ui.log_axis {
        note += " · log";
    }
    if scene.ui.span(stage).is_some() {
        note += " · zoomed";
    }
    if let Some(step) = scene.ui.cursor.step {
        note += &format!(" · step {}", count(step));
    }
    note
}

/// The sessions that lie over the curves of a stage; not the one that is shown anyway.
fn over<'a>(
    overlays: &'a Overlays,
    stage: Stage,
    own: &'a Path,
) -> impl Iterator<Item = (&'a Overlaid, &'a StageHistory)> {
    let others = overlays.shown().iter().filter(move |overlaid| overlaid.folder != own);
    others.filter_map(move |overlaid| Some((overlaid, overlaid.stages.get(&stage)?)))
}

/// The step at the right end of a stage's axis.
#[must_use]
pub fn end(state: &RunState, stage: Stage, overlays: &Overlays) -> f64 {
    let reached = state.history(stage).map_or(0, StageHistory::last_step) as f64;
    let others = overlays
        .shown()
        .iter()
        .filter_map(|overlaid| overlaid.stages.get(&stage));
    let others = others.map(StageHistory::last_step).max().unwrap_or(0) as f64;
    let reached = reached.max(others).max(FIRST_STEPS);
    let planned = state
        .planned_steps(stage)
        .map_or(f64::INFINITY, |planned| planned as f64);
    grown(reached).min(planned.max(reached))
}

/// The series of the plots, kept from frame to frame, and where their columns are.
#[derive(Debug, Clone, Default)]
pub struct Curves {
    key: Key,
    panels: Vec<Panel>,
    /// The plots' first column on the screen, and how many they have; none before the first frame.
    columns: (u16, u16),
}

/// Where one of these changes, all is done anew.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Key {
    stage: Option<Stage>,
    resumes: u32,
    /// Of the sessions laid over.
    changes: u64,
    others: usize,
}

/// A metric of the run and of the sessions over it.
#[derive(Debug, Clone, Default)]
struct Panel {
    run: Series,
    others: Vec<Series>,
}

impl Curves {
    /// Where a position on the screen lies on the step axis: 0 is its left end, 1 the right one.
    #[must_use]
    pub fn share_at(&self, at: Position) -> Option<f64> {
        let (from, columns) = self.columns;
        let column = at.x.checked_sub(from).filter(|&column| column < columns)?;
        Some(f64::from(column) / f64::from(columns.saturating_sub(1).max(1)))
    }

    /// The share of the step axis that a column takes.
    #[must_use]
    pub fn column(&self) -> f64 {
        1.0 / f64::from(self.columns.1.saturating_sub(1).max(10))
    }

    fn panel(&mut self, n: usize, window: Window, others: usize) -> &mut Panel {
        let new = || Panel {
            run: Series::new(window),
            others: vec![Series::new(window); others],
        };
        if self.panels.len() <= n {
            self.panels.resize_with(n + 1, new);
        }
        let panel = &mut self.panels[n];
        if *panel.run.window() != window {
            *panel = new();
        }
        panel
    }
}

impl Panel {
    fn follow(&mut self, run: &StageHistory, others: &[(&Overlaid, &StageHistory)]) {
        self.run.follow(run);
        for (series, (_, history)) in self.others.iter_mut().zip(others) {
            series.follow(history);
        }
    }

    /// The run's own lie over the others'.
    fn curves(
        &self,
        others: &[(&Overlaid, &StageHistory)],
        colors: impl Fn(&Overlaid) -> (Color, Option<char>),
        theme: &Theme,
    ) -> Vec<Curve<'_>> {
        let own = |shape, color| Curve {
            shape,
            color,
            sign: None,
        };
        let columns = |columns: &'_ Decimated| columns.columns().iter().any(Option::is_some);
        let mut curves = Vec::new();
        for (series, (overlaid, _)) in self.others.iter().zip(others) {
            let shape = if columns(&series.smooth) {
                Shape::Columns(series.smooth.columns())
            } else {
                Shape::Points(&series.evaluated)
            };
            let (color, sign) = colors(overlaid);
            if matches!(shape, Shape::Points(_)) {
                curves.push(own(Shape::Apart(&series.apart), color));
            }
            curves.push(Curve { shape, color, sign });
        }
        if self.run.window().weight > 0.0 {
            curves.push(own(Shape::Columns(self.run.raw.columns()), theme.raw));
        }
        curves.push(own(Shape::Columns(self.run.smooth.columns()), theme.smooth));
        curves.push(own(Shape::Points(&self.run.evaluated), theme.validation));
        curves.push(own(Shape::Apart(&self.run.apart), theme.validation));
        curves
    }
}

/// The values beside each curve's mark: the newest, or those at the crosshair.
struct Readings {
    metric: Metric,
    weight: f64,
    /// Whether the metric's name stands before them.
    named: bool,
    at: Option<u64>,
}

impl Readings {
    fn lines(
        &self,
        run: &StageHistory,
        others: &[(&Overlaid, &StageHistory)],
        scene: &Scene,
        width: usize,
    ) -> Vec<Line<'static>> {
        let (theme, overlays) = (scene.theme, scene.overlays);
        let mut entries: Vec<Vec<Span>> = Vec::new();
        if self.named {
            let style = Style::new().fg(theme.text);
            entries.push(vec![Span::styled(self.metric.title(), style)]);
        }
        let mut told = |mark: String, color: Color, name: &str, value: String| {
            entries.push(vec![
                Span::styled(format!("{mark} "), Style::new().fg(color)),
                Span::styled(format!("{name} "), Style::new().fg(theme.dim)),
                Span::styled(value, Style::new().fg(theme.text)),
            ]);
        };
        let mut entry = |mark: String, color: Color, name: &str, value: Option<f64>| {
            if let Some(value) = value {
                told(mark, color, name, self.metric.shown(value));
            }
        };
        let read = Reading::of(run, self.metric, self.weight, self.at);
        if self.weight > 0.0 {
            let name = if self.named {
                "smoothed".to_owned()
            } else {
                format!("smoothed {}", self.weight)
            };
            entry("━".to_owned(), theme.smooth, &name, read.smoothed);
            entry("⠶".to_owned(), theme.raw, "step", read.value);
        } else {
            entry("━".to_owned(), theme.smooth, "step", read.value);
        }
        entry(plot::POINT.to_owned(), theme.validation, "validation", read.evaluated);
        if let Some((value, samples)) = read.apart {
            let name = format!("of {} images", count(samples as u64));
            entry(plot::APART.to_owned(), theme.validation, &name, Some(value));
        }
        for (overlaid, history) in others {
            let read = Reading::of(history, self.metric, self.weight, self.at);
            let color = overlays.color(&overlaid.folder, scene.folder, theme);
            let sign = overlays.sign(&overlaid.folder).map(String::from).unwrap_or_default();
            let name = fit(&clean(&overlaid.name), NAME);
            let value = read.smoothed.or(read.evaluated).map(|value| self.metric.shown(value));
            let ended = read.ended_at.map(|step| format!("ended at {}", count(step)));
            if let Some(value) = value.or(ended) {
                told(format!("━{sign}"), color, &name, value);
            }
        }
        wrapped(entries, width)
    }
}

/// Entries beside one another, three columns apart, on as many lines as they need.
fn wrapped(entries: Vec<Vec<Span<'static>>>, width: usize) -> Vec<Line<'static>> {
    let mut lines: Vec<Line> = Vec::new();
    for entry in entries {
        let needed: usize = entry.iter().map(Span::width).sum();
        match lines.last_mut() {
            Some(line) if line.width() + 3 + needed <= width => {
                line.push_span("   ");
                line.extend(entry);
            }
            _ => lines.push(Line::from(entry)),
        }
    }
    lines
}
