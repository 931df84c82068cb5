//! A metric over the steps of one or several runs: a plot for each stage that has it.

use super::curve_metric::CurveMetric;
use super::drawing::{Anchor, Drawing, Point, Stroke, WHITE};
use super::legend::{self, DOT, Key, Mark};
use super::palette::{BLUE, GREY, PALE_BLUE, VERMILION, of_run};
use super::plot::{Area, Axis, Plot};
use super::style::{COLUMN_MM, FigureStyle};
use crate::export::ExportError;
use crate::session::{Ema, Evaluation, RunState, Stage, StageHistory};

/// A run, and the name that the legend gives it.
pub struct Run<'a> {
    pub name: &'a str,
    pub state: &'a RunState,
}

/// The share of the past in a smoothed curve.
const SMOOTHING: f64 = 0.9;
/// A larger number is not drawn: its axis could not be read.
const HIGHEST: f64 = 1e12;
/// A curve of more steps is drawn by the least and the greatest of every few steps.
const COLUMNS: usize = 600;
const THICK: f64 = 1.0;
const FAINT: f64 = 0.5;

/// One run: its steps (faint), their moving average, and its evaluations; evaluations on other images than most are hollow
/// marks without a line. Several runs: the moving averages and the evaluations, a colour each.
///
/// # Errors
/// Where no run has such a figure.
pub fn curves(runs: &[Run], metric: &CurveMetric, style: FigureStyle, title: String) -> Result<Drawing, ExportError> {
    let stages: Vec<(Stage, Vec<Series>)> = [Stage::Aspects, Stage::Prompt]
        .into_iter()
        .map(|stage| (stage, series(runs, stage, metric)))
        .filter(|(_, series)| series.iter().any(|series| !series.is_empty()))
        .collect();
    if stages.is_empty() {
        let what = metric.to_string();
        return Err(ExportError::Nothing(format!(
            "there is no curve to draw: no step and no evaluation of the session has the figure {what}"
        )));
    }
    let size = style.size(COLUMN_MM, 52.0);
    let mut drawing = Drawing::new(size.width, size.height, title);
    let margin = 0.3 * size.font;
    let whole = Area {
        x: margin,
        y: margin,
        width: size.width - 2.0 * margin,
        height: size.height - 2.0 * margin,
    };
    let keys = keys(runs, &stages, metric);
    let below = whole.below(legend::draw(&mut drawing, whole, &keys, size.font));
    let width = below.width / stages.len() as f64;
    for (place, (stage, series)) in stages.iter().enumerate() {
        let area = Area {
            x: below.x + place as f64 * width,
            width,
            ..below
        };
        let heading = (area.x + area.width / 2.0 + size.font, area.y + size.font);
        drawing.text(heading, &format!("stage {}", stage.name()), size.font, Anchor::Middle);
        plot(&mut drawing, area.below(1.5 * size.font), series, metric, size.font);
    }
    Ok(drawing)
}

/// A run's curves in one stage: steps and values.
#[derive(Default)]
struct Series {
    raw: Vec<Point>,
    /// The moving average; the steps themselves where the metric has no noise.
    smooth: Vec<Point>,
    evaluated: Vec<Point>,
    apart: Vec<Point>,
}

impl Series {
    fn of(history: &StageHistory, metric: &CurveMetric) -> Self {
        let drawn = |(_, value): &Point| value.abs() < HIGHEST;
        let of_step = history
            .steps
            .iter()
            .filter_map(|point| Some((point.step as f64, metric.of_step(point)?)));
        let raw: Vec<Point> = of_step.filter(drawn).collect();
        let mut ema = Ema::new(SMOOTHING);
        let smooth = if metric.is_noisy() {
            raw.iter().map(|&(step, value)| (step, ema.next(value))).collect()
        } else {
            raw.clone()
        };
        let points = |evaluations: Vec<&Evaluation>| -> Vec<Point> {
            let points = evaluations
                .into_iter()
                .filter_map(|seen| Some((seen.step as f64, metric.of_evaluation(seen)?)));
            points.filter(drawn).collect()
        };
        let (alike, others) = history.alike();
        Self {
            raw,
            smooth,
            evaluated: points(alike),
            apart: points(others),
        }
    }

    fn is_empty(&self) -> bool {
        self.raw.is_empty() && self.evaluated.is_empty() && self.apart.is_empty()
    }

    fn points(&self) -> impl Iterator<Item = &Point> {
        self.raw.iter().chain(&self.evaluated).chain(&self.apart)
    }
}

/// One for each run.
fn series(runs: &[Run], stage: Stage, metric: &CurveMetric) -> Vec<Series> {
    let of = |run: &Run| run.state.history(stage).map(|history| Series::of(history, metric));
    runs.iter().map(|run| of(run).unwrap_or_default()).collect()
}

fn keys(runs: &[Run], stages: &[(Stage, Vec<Series>)], metric: &CurveMetric) -> Vec<Key> {
    let all = || stages.iter().flat_map(|(_, series)| series);
    let (steps, evaluated) = (
        all().any(|series| !series.raw.is_empty()),
        all().any(|series| !series.evaluated.is_empty()),
    );
    let mut keys = Vec::new();
    if let [_] = runs {
        if steps && metric.is_noisy() {
            keys.push(Key::new(Mark::Line(Stroke::new(PALE_BLUE, THICK)), "each step"));
            keys.push(Key::new(Mark::Line(Stroke::new(BLUE, THICK)), "smoothed"));
        }
        if evaluated {
            let stroke = Stroke::new(VERMILION, THICK);
            keys.push(Key::new(Mark::Dotted(stroke, VERMILION), "validation"));
        }
    } else {
        let of = |(place, run): (usize, &Run)| Key::new(Mark::Line(of_run(place, THICK)), run.name);
        keys.extend(runs.iter().enumerate().map(of));
        // One kind of curve needs no explanation.
        if steps && evaluated {
            keys.push(Key::new(Mark::Dot(Stroke::new(GREY, THICK), GREY), "validation"));
        }
    }
    if all().any(|series| !series.apart.is_empty()) {
        let color = if runs.len() == 1 { VERMILION } else { GREY };
        keys.push(Key::new(Mark::Dot(Stroke::new(color, THICK), WHITE), "other images"));
    }
    keys
}

fn plot(drawing: &mut Drawing, area: Area, series: &[Series], metric: &CurveMetric, font: f64) {
    let points = || series.iter().flat_map(Series::points);
    let last = points().map(|(step, _)| *step).fold(1.0, f64::max);
    // A single run's steps are drawn themselves, of several runs only what is smoothed.
    let shown = || {
        series.iter().flat_map(|of| {
            let steps = if series.len() == 1 { &of.raw } else { &of.smooth };
            steps.iter().chain(&of.evaluated).chain(&of.apart)
        })
    };
    let low = shown().map(|(_, value)| *value).fold(f64::INFINITY, f64::min);
    let high = shown().map(|(_, value)| *value).fold(f64::NEG_INFINITY, f64::max);
    let (from, to) = range(low, high, metric);
    let title = metric.to_string();
    let x = Axis {
        from: 0.0,
        to: last,
        title: "step",
    };
    let y = Axis {
        from,
        to,
        title: &title,
    };
    let plot = Plot::draw(drawing, area, x, y, font);
    let placed = |points: &[Point]| -> Vec<Point> { points.iter().map(|(x, y)| plot.at(*x, *y)).collect() };
    for (place, of) in series.iter().enumerate() {
        let (line, marks) = if series.len() == 1 {
            drawing.line(placed(&thinned(&of.raw)), Stroke::new(PALE_BLUE, FAINT));
            (Stroke::new(BLUE, THICK), Stroke::new(VERMILION, THICK))
        } else {
            (of_run(place, THICK), of_run(place, THICK))
        };
        drawing.line(placed(&thinned(&of.smooth)), line);
        // Beside a moving average of the same colour a line would not be told from it.
        if series.len() == 1 || of.smooth.is_empty() {
            drawing.line(placed(&of.evaluated), marks);
        }
        let rim = Stroke::new(marks.color, FAINT);
        for at in placed(&of.evaluated) {
            drawing.circle(at, DOT, marks.color, rim);
        }
        for at in placed(&of.apart) {
            drawing.circle(at, DOT, WHITE, Stroke::new(marks.color, THICK));
        }
    }
}

/// The range of the y axis: from 0 where the values are near it, with a little room above.
fn range(low: f64, high: f64, metric: &CurveMetric) -> (f64, f64) {
    let from = if low < 0.0 || low > 0.5 * high {
        low - 0.1 * (high - low)
    } else {
        0.0
    };
    let from = if low >= 0.0 { from.max(0.0) } else { from };
    let to = high + 0.05 * (high - from).abs();
    let to = metric.most().map_or(to, |most| to.min(most.max(high)));
    if to > from {
        (from, to)
    } else {
        (from - 1.0_f64.min(from.abs()), from + 1.0)
    }
}

/// At most about 1,200 points with the same look: the least and the greatest of every few steps.
fn thinned(points: &[Point]) -> Vec<Point> {
    if points.len() <= 2 * COLUMNS {
        return points.to_vec();
    }
    let few = points.len().div_ceil(COLUMNS);
    let ends = |part: &[Point]| -> Vec<Point> {
        let by = |a: &&Point, b: &&Point| a.1.total_cmp(&b.1);
        let (least, most) = (part.iter().min_by(by), part.iter().max_by(by));
        let mut two: Vec<Point> = least.into_iter().chain(most).copied().collect();
        two.sort_by(|a, b| a.0.total_cmp(&b.0));
        two
    };
    points.chunks(few).flat_map(ends).collect()
}
