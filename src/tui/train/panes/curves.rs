//! Plots of metrics, below one another: each step dim, smoothed bright, evaluations as points, and the curves of
//! overlaid sessions. The axes grow in steps.

use std::path::Path;

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    style::{Color, Style},
    text::{Line, Span},
    widgets::Widget,
};

use crate::{
    figures::count,
    session::{Stage, StageHistory},
    text::{clean, fit},
    theme::Theme,
    tui::{
        decimate::Decimated,
        metric::Metric,
        overlays::{Overlaid, Overlays},
        panes::{
            frame::{bordered, more_below, nothing_yet},
            plot::{self, Curve, Plot, Shape},
            scene::Scene,
        },
        series::{Reading, Window},
        span::Span as Steps,
        train::curves::{Curves, Key, Panel, end},
        ui::Pane,
    },
};

/// The fewest rows for a metric's plot and legend, if there are several metrics.
const LEAST_ROWS: u16 = 6;
/// The fewest of these rows that the legend leaves to the plot.
const PLOT_ROWS: u16 = 3;
/// The largest width of an overlaid session's name, in columns.
const NAME: usize = 16;

/// Paints the pane.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let (state, overlays, theme) = (scene.state, scene.overlays, scene.theme);
    let metrics = scene.ui.metrics();
    let title: Vec<&str> = metrics.iter().map(|metric| metric.title()).collect();
    let stage = scene.cursor.stage(state);
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
            at: scene.cursor.step,
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
            curves: painted(panel, &others, colors, theme),
            crosshair: scene.cursor.step,
            steps: last,
        };
        if !plot.render(rest, buffer, theme) {
            nothing_yet("nothing was logged yet", rest, buffer, theme);
        }
    }
}

/// `stage prompt · log · zoomed · step 430`
fn note(stage: Stage, scene: &Scene) -> String {
    let mut note = format!("stage {}", stage.name());
    if scene.ui.log_axis {
        note += " · log";
    }
    if scene.span(stage).is_some() {
        note += " · zoomed";
    }
    if let Some(step) = scene.cursor.step {
        note += &format!(" · step {}", count(step));
    }
    note
}

/// The sessions overlaid on the curves of a stage, without the one that is shown.
fn over<'a>(
    overlays: &'a Overlays,
    stage: Stage,
    own: &'a Path,
) -> impl Iterator<Item = (&'a Overlaid, &'a StageHistory)> {
    let others = overlays.shown().iter().filter(move |overlaid| overlaid.folder != own);
    others.filter_map(move |overlaid| Some((overlaid, overlaid.stages.get(&stage)?)))
}

/// A panel's curves; the run's own are painted over the others.
fn painted<'a>(
    panel: &'a Panel,
    others: &[(&Overlaid, &StageHistory)],
    colors: impl Fn(&Overlaid) -> (Color, Option<char>),
    theme: &Theme,
) -> Vec<Curve<'a>> {
    let own = |shape, color| Curve {
        shape,
        color,
        sign: None,
    };
    let columns = |columns: &'_ Decimated| columns.columns().iter().any(Option::is_some);
    let mut curves = Vec::new();
    for (series, (overlaid, _)) in panel.others.iter().zip(others) {
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
    if panel.run.window().weight > 0.0 {
        curves.push(own(Shape::Columns(panel.run.raw.columns()), theme.raw));
    }
    curves.push(own(Shape::Columns(panel.run.smooth.columns()), theme.smooth));
    curves.push(own(Shape::Points(&panel.run.evaluated), theme.validation));
    curves.push(own(Shape::Apart(&panel.run.apart), theme.validation));
    curves
}

/// The values beside each curve's mark: the newest, or those at the crosshair.
struct Readings {
    metric: Metric,
    weight: f64,
    /// Whether they begin with the metric's name.
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
        let read = Reading::of(run, self.metric, self.weight, self.at);
        if let Some(step) = read.ended_at {
            told("━".to_owned(), theme.smooth, "step", ended(step));
        }
        let mut entry = |mark: String, color: Color, name: &str, value: Option<f64>| {
            if let Some(value) = value {
                told(mark, color, name, self.metric.shown(value));
            }
        };
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
            entry(plot::OTHER_POINT.to_owned(), theme.validation, &name, Some(value));
        }
        for (overlaid, history) in others {
            let read = Reading::of(history, self.metric, self.weight, self.at);
            let color = overlays.color(&overlaid.folder, scene.folder, theme);
            let sign = overlays.sign(&overlaid.folder).map(String::from).unwrap_or_default();
            let name = fit(&clean(&overlaid.name), NAME);
            let value = read.smoothed.or(read.evaluated).map(|value| self.metric.shown(value));
            if let Some(value) = value.or(read.ended_at.map(ended)) {
                told(format!("━{sign}"), color, &name, value);
            }
        }
        wrapped(entries, width)
    }
}

/// A series beyond its run's end.
fn ended(step: u64) -> String {
    format!("– (ends at {})", count(step))
}

/// Entries side by side, three columns apart, on as many lines as needed.
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
