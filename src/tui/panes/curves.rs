//! A metric step by step: each step dim, smoothed bright, the validation loss as points; the axes grow in steps.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
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
    session::{Ema, Stage, StageHistory},
    tui::{
        axis::{Axis, grown},
        decimate::{Column, Decimated},
        figures,
        metric::Metric,
        theme::Theme,
        ui::Pane,
    },
};

/// The step axis begins with at least so many steps.
const FIRST_STEPS: f64 = 20.0;
/// The column of the loss axis' labels: wide enough for all that a loss becomes.
const GUTTER: u16 = 7;
/// A smaller plot tells nothing.
const SMALLEST: (u16, u16) = (16, 3);

/// Paints the pane.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let stage = scene.ui.cursor.stage(scene.state);
    let (metric, log) = (scene.ui.metric, scene.ui.log_axis);
    let scale = if log { " · log" } else { "" };
    let note = stage
        .map(|stage| format!("stage {}{scale}", stage.name()))
        .unwrap_or_default();
    let inner = bordered(Pane::Loss, metric.title(), &note, area, buffer, scene);
    let history = stage.and_then(|stage| scene.state.history(stage));
    let Some(history) = history.filter(|history| !history.steps.is_empty()) else {
        return nothing_yet("the curve begins with the first step", inner, buffer, scene.theme);
    };
    let planned = stage.and_then(|stage| scene.state.planned_steps(stage));
    let [top, rest] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(inner);
    let (columns, rows) = SMALLEST;
    let room = rest.width >= columns && rest.height >= rows;
    let key = Key {
        stage,
        resumes: scene.state.resumes,
        weight: scene.ui.smoothing.weight(),
        metric,
        log,
        end: last_step(history, planned),
        dots: if room { usize::from(rest.width - GUTTER) * 2 } else { 0 },
    };
    if scene.curves.key != key {
        *scene.curves = Curves::new(key);
    }
    scene.curves.follow(history);
    scene.curves.legend(scene.theme).render(top, buffer);
    if room {
        scene.curves.plot(rest, buffer, scene.theme);
    }
}

/// The step at the right end of the axis.
fn last_step(history: &StageHistory, planned: Option<u64>) -> f64 {
    let reached = (history.last_step() as f64).max(FIRST_STEPS);
    grown(reached).min(planned.map_or(f64::INFINITY, |planned| (planned as f64).max(reached)))
}

/// What the curves were brought down for; where one of these changes, all is done anew.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Key {
    stage: Option<Stage>,
    resumes: u32,
    weight: f64,
    metric: Metric,
    /// Powers of ten instead of values.
    log: bool,
    end: f64,
    /// Two a column of the plot.
    dots: usize,
}

impl Key {
    /// A value on the axis; what has no logarithm is left out.
    fn scaled(&self, value: f64) -> f64 {
        match self.log {
            true if value > 0.0 => value.log10(),
            true => f64::NAN,
            false => value,
        }
    }
}

/// The series, brought down to the dots of the plot; kept from frame to frame, so that a frame costs only what is new.
#[derive(Debug, Clone, Default)]
pub struct Curves {
    key: Key,
    /// So many steps of the history are in.
    taken: usize,
    raw: Decimated,
    smooth: Decimated,
    ema: Ema,
    /// Step and loss.
    validation: Vec<(f64, f64)>,
    last: f64,
    last_smooth: f64,
    last_validation: Option<f64>,
}

impl Curves {
    fn new(key: Key) -> Self {
        let series = Decimated::new(0.0, key.end, key.dots);
        Self {
            key,
            raw: series.clone(),
            smooth: series,
            ema: Ema::new(key.weight),
            ..Self::default()
        }
    }

    /// Takes in what the history has more.
    fn follow(&mut self, history: &StageHistory) {
        for point in history.steps.iter().skip(self.taken) {
            let value = self.key.metric.of(point);
            (self.last, self.last_smooth) = (value, self.ema.next(value));
            self.raw.push(point.step, self.key.scaled(self.last));
            self.smooth.push(point.step, self.key.scaled(self.last_smooth));
        }
        self.taken = history.steps.len();
        let losses = history.evaluations.iter().filter(|_| self.key.metric == Metric::Loss);
        let validation = losses.map(|e| (e.step as f64, self.key.scaled(e.loss)));
        self.validation = validation
            .filter(|(step, loss)| loss.is_finite() && *step <= self.key.end)
            .collect();
        self.last_validation = history.evaluations.last().map(|e| e.loss);
    }

    /// The newest value of each series beside its mark.
    fn legend(&self, theme: &Theme) -> Line<'static> {
        let mut spans = Vec::new();
        let metric = self.key.metric;
        let mut entry = |mark: &'static str, color: Color, name: String, value: f64| {
            spans.push(Span::styled(format!("{mark} "), Style::new().fg(color)));
            spans.push(Span::styled(format!("{name} "), Style::new().fg(theme.dim)));
            spans.push(Span::styled(
                format!("{}   ", metric.shown(value)),
                Style::new().fg(theme.text),
            ));
        };
        if self.key.weight > 0.0 {
            entry(
                "━",
                theme.smooth,
                format!("smoothed {}", self.key.weight),
                self.last_smooth,
            );
            entry("⠶", theme.raw, "step".to_owned(), self.last);
        } else {
            entry("━", theme.smooth, "step".to_owned(), self.last);
        }
        if let Some(loss) = self.last_validation.filter(|_| !self.validation.is_empty()) {
            entry("◆", theme.validation, "validation".to_owned(), loss);
        }
        Line::from(spans)
    }

    fn plot(&self, area: Rect, buffer: &mut Buffer, theme: &Theme) {
        let x = area.x + GUTTER;
        let plot = Rect {
            x,
            width: area.width - GUTTER,
            height: area.height - 1,
            ..area
        };
        let axis = self.loss_axis(usize::from(plot.height / 2).clamp(1, 6));
        Canvas::default()
            .marker(Marker::Braille)
            .x_bounds([0.0, self.key.end])
            .y_bounds([axis.lo, axis.hi])
            .paint(|context| self.paint(&axis, context, theme))
            .render(plot, buffer);

        // The canvas' outermost dots are its bounds; a cell has 2 x 4 of them.
        let place = |share: f64, cells: u16, dots: u16| {
            let dot = (share * f64::from(cells * dots - 1)).round() as u16;
            (dot / dots).min(cells - 1)
        };
        let row = |loss| plot.y + place((axis.hi - loss) / (axis.hi - axis.lo), plot.height, 4);
        for &(step, loss) in &self.validation {
            let column = plot.x + place(step / self.key.end, plot.width, 2);
            buffer.set_string(column, row(loss), "◆", Style::new().fg(theme.validation));
        }
        for &tick in &axis.ticks {
            let label = if self.key.log {
                figures::short(10_f64.powf(tick))
            } else {
                axis.label(tick)
            };
            let label = format!("{label:>width$}", width = usize::from(GUTTER - 1));
            buffer.set_stringn(area.x, row(tick), label, GUTTER.into(), Style::new().fg(theme.dim));
        }
        self.step_labels(plot, area.bottom() - 1, buffer, theme);
    }

    fn loss_axis(&self, intervals: usize) -> Axis {
        let steps = self
            .raw
            .columns()
            .iter()
            .flatten()
            .map(|column| (column.min, column.max));
        let all = steps.chain(self.validation.iter().map(|&(_, loss)| (loss, loss)));
        let (low, high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (min, max)| {
            (low.min(min), high.max(max))
        });
        Axis::new(low, high, intervals)
    }

    /// The grid and the curves, each a layer over the one before.
    fn paint(&self, axis: &Axis, context: &mut Context, theme: &Theme) {
        for &tick in &axis.ticks {
            let dotted = (0..self.key.dots).step_by(8).map(|dot| (self.step_of(dot), tick));
            context.draw(&Points {
                coords: &dotted.collect::<Vec<_>>(),
                color: theme.faint,
            });
        }
        context.layer();
        if self.key.weight > 0.0 {
            self.paint_columns(self.raw.columns(), theme.raw, context);
            context.layer();
        }
        self.paint_columns(self.smooth.columns(), theme.smooth, context);
        context.layer();
        for (from, to) in self.validation.iter().zip(self.validation.iter().skip(1)) {
            context.draw(&Stroke::new(from.0, from.1, to.0, to.1, theme.validation));
        }
    }

    /// Each column's range as an upright stroke, joined to the next.
    fn paint_columns(&self, columns: &[Option<Column>], color: Color, context: &mut Context) {
        let mut before: Option<(f64, f64)> = None;
        for (n, column) in columns.iter().enumerate() {
            let Some(column) = column else { continue };
            let x = self.step_of(n);
            if let Some((from, last)) = before {
                context.draw(&Stroke::new(from, last, x, column.first, color));
            }
            context.draw(&Stroke::new(x, column.min, x, column.max, color));
            before = Some((x, column.last));
        }
    }

    /// The step that a column of dots stands for.
    fn step_of(&self, dot: usize) -> f64 {
        self.key.end * dot as f64 / self.key.dots.saturating_sub(1).max(1) as f64
    }

    /// Steps below the plot: none is cut, the last stands at the end.
    fn step_labels(&self, plot: Rect, row: u16, buffer: &mut Buffer, theme: &Theme) {
        let style = Style::new().fg(theme.dim);
        let axis = Axis::new(0.0, self.key.end, usize::from(plot.width / 14).clamp(1, 8));
        let last = figures::count(self.key.end as u64);
        let last_at = plot.right().saturating_sub(last.len() as u16);
        let mut free_from = plot.x;
        for &tick in axis.ticks.iter().filter(|&&tick| tick < self.key.end) {
            let first = tick == 0.0;
            let label = if first {
                "step 0".to_owned()
            } else {
                figures::count(tick as u64)
            };
            let width = label.len() as u16;
            let middle = plot.x + (tick / self.key.end * f64::from(plot.width - 1)) as u16;
            let at = if first {
                plot.x
            } else {
                middle.saturating_sub(width / 2)
            };
            if at >= free_from && at + width + 2 <= last_at {
                buffer.set_string(at, row, label, style);
                free_from = at + width + 2;
            }
        }
        buffer.set_stringn(last_at, row, last, plot.width.into(), style);
    }
}
