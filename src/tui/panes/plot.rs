//! A plot of curves over steps, with a crosshair at one step.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
    symbols::Marker,
    widgets::{
        Widget,
        canvas::{Canvas, Context, Line as Stroke, Points},
    },
};

use crate::{
    figures,
    theme::Theme,
    tui::{axis::Axis, decimate::Column, series::Window},
};

/// Columns for the labels of the value axis.
const GUTTER: u16 = 7;
/// The smallest plot that is painted.
const SMALLEST: (u16, u16) = (16, 3);

/// The mark of a point.
pub const POINT: &str = "◆";
/// The mark of an evaluation that cannot be compared with the others.
pub const OTHER_POINT: &str = "◇";

/// What is painted.
pub struct Plot<'a> {
    pub window: Window,
    /// Later curves are painted over earlier ones.
    pub curves: Vec<Curve<'a>>,
    /// The step to mark.
    pub crosshair: Option<u64>,
    /// Whether a row below the plot labels the steps.
    pub steps: bool,
}

/// A curve of a plot.
pub struct Curve<'a> {
    pub shape: Shape<'a>,
    pub color: Color,
    /// The label at the curve's end, if there are several curves.
    pub sign: Option<char>,
}

/// A curve's data; values are on the axis's scale.
pub enum Shape<'a> {
    /// One for each column of dots: its range as a vertical line, joined to the next.
    Columns(&'a [Option<Column>]),
    /// Step and value of a few points, joined by lines; each is marked unless the curve has a sign.
    Points(&'a [(f64, f64)]),
    /// Step and value of points that no line joins; the label is at the last.
    Apart(&'a [(f64, f64)]),
}

impl Shape<'_> {
    /// The lowest and the highest value in the window.
    fn range(&self, window: &Window) -> (f64, f64) {
        let all = (f64::INFINITY, f64::NEG_INFINITY);
        let wider = |(low, high): (f64, f64), (min, max): (f64, f64)| (low.min(min), high.max(max));
        match self {
            Self::Columns(columns) => {
                let ranges = columns.iter().flatten().map(|column| (column.min, column.max));
                ranges.fold(all, wider)
            }
            Self::Points(points) => {
                let inside = points.iter().copied().filter(|&(step, _)| window.holds(step));
                let edges = [window.from, window.to].into_iter().filter_map(|edge| at(points, edge));
                let values = inside.map(|(_, value)| value).chain(edges);
                values.map(|value| (value, value)).fold(all, wider)
            }
            Self::Apart(points) => {
                let inside = points.iter().filter(|(step, _)| window.holds(*step));
                inside.map(|&(_, value)| (value, value)).fold(all, wider)
            }
        }
    }
}

/// The interpolated value at a step between two points; `None` outside them.
fn at(points: &[(f64, f64)], step: f64) -> Option<f64> {
    let after = points.partition_point(|&(of, _)| of < step);
    let (next, before) = (points.get(after)?, points.get(after.checked_sub(1)?)?);
    let share = (step - before.0) / (next.0 - before.0);
    Some(before.1 + share * (next.1 - before.1))
}

/// Where the curves are painted in a plot's `area`; `None` if it is too small.
#[must_use]
pub const fn place(area: Rect, steps: bool) -> Option<Rect> {
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        return None;
    }
    Some(Rect {
        x: area.x + GUTTER,
        width: area.width - GUTTER,
        height: area.height - steps as u16,
        ..area
    })
}

impl Plot<'_> {
    /// Paints the plot, unless no curve has a value; returns whether it did.
    pub fn render(&self, area: Rect, buffer: &mut Buffer, theme: &Theme) -> bool {
        let Some(plot) = place(area, self.steps) else {
            return true;
        };
        let ranges = self.curves.iter().map(|curve| curve.shape.range(&self.window));
        let (low, high) = ranges.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (min, max)| {
            (low.min(min), high.max(max))
        });
        if low > high {
            return false;
        }
        let axis = Axis::new(low, high, usize::from(plot.height / 2).clamp(1, 6));
        Canvas::default()
            .marker(Marker::Braille)
            .x_bounds([self.window.from, self.window.to])
            .y_bounds([axis.lo, axis.hi])
            .paint(|context| self.paint(&axis, context, theme))
            .render(plot, buffer);

        let row = |value| plot.y + cell((axis.hi - value) / (axis.hi - axis.lo), plot.height, 4);
        let column = |step| plot.x + cell(self.window.share_of(step), plot.width, 2);
        if let Some(step) = self.crosshair.filter(|&step| self.window.holds(step as f64)) {
            upright(column(step as f64), plot, buffer, theme);
        }
        for curve in &self.curves {
            let (points, mark) = match (&curve.shape, curve.sign) {
                (Shape::Points(points), None) => (*points, POINT),
                (Shape::Apart(points), None) => (*points, OTHER_POINT),
                _ => continue,
            };
            for &(step, value) in points.iter().filter(|(step, _)| self.window.holds(*step)) {
                buffer.set_string(column(step), row(value), mark, Style::new().fg(curve.color));
            }
        }
        let mut signs: Vec<(u16, u16)> = Vec::new();
        for curve in &self.curves {
            let Some((sign, (step, value))) = curve.sign.zip(self.end(&curve.shape)) else {
                continue;
            };
            let (mut x, y) = (column(step), row(value));
            // Placed next to labels that are already there.
            let taken =
                |x, buffer: &Buffer| signs.contains(&(x, y)) || [POINT, OTHER_POINT].contains(&buffer[(x, y)].symbol());
            while x > plot.x && taken(x, buffer) {
                x -= 1;
            }
            signs.push((x, y));
            let style = Style::new().fg(curve.color).add_modifier(Modifier::BOLD);
            buffer.set_string(x, y, sign.to_string(), style);
        }
        for &tick in &axis.ticks {
            let label = if self.window.log {
                figures::short(10_f64.powf(tick))
            } else {
                axis.label(tick)
            };
            let label = format!("{label:>width$}", width = usize::from(GUTTER - 1));
            buffer.set_stringn(area.x, row(tick), label, GUTTER.into(), Style::new().fg(theme.dim));
        }
        if self.steps {
            self.step_labels(plot, area.bottom() - 1, buffer, theme);
        }
        true
    }

    /// Paints the grid and the curves, each over the one before.
    fn paint(&self, axis: &Axis, context: &mut Context, theme: &Theme) {
        for &tick in &axis.ticks {
            let dots = (0..self.window.dots).step_by(8);
            let dotted = dots.map(|dot| (self.window.step_of(dot), tick));
            context.draw(&Points {
                coords: &dotted.collect::<Vec<_>>(),
                color: theme.faint,
            });
        }
        for curve in &self.curves {
            context.layer();
            match curve.shape {
                Shape::Columns(columns) => self.paint_columns(columns, curve.color, context),
                Shape::Points(points) => {
                    for (from, to) in points.iter().zip(points.iter().skip(1)) {
                        context.draw(&Stroke::new(from.0, from.1, to.0, to.1, curve.color));
                    }
                }
                Shape::Apart(_) => {}
            }
        }
    }

    fn paint_columns(&self, columns: &[Option<Column>], color: Color, context: &mut Context) {
        let mut before: Option<(f64, f64)> = None;
        for (n, column) in columns.iter().enumerate() {
            let Some(column) = column else { continue };
            let x = self.window.step_of(n);
            if let Some((from, last)) = before {
                context.draw(&Stroke::new(from, last, x, column.first, color));
            }
            context.draw(&Stroke::new(x, column.min, x, column.max, color));
            before = Some((x, column.last));
        }
    }

    /// Step and value of a curve's last point.
    fn end(&self, shape: &Shape) -> Option<(f64, f64)> {
        match shape {
            Shape::Points(points) | Shape::Apart(points) => {
                points.iter().rfind(|(step, _)| self.window.holds(*step)).copied()
            }
            Shape::Columns(columns) => {
                let last = columns.iter().rposition(Option::is_some)?;
                Some((self.window.step_of(last), columns.get(last).copied()??.last))
            }
        }
    }

    /// Labels steps below the plot. No label is cut, the last step's is at the end, and the crosshair's replaces those
    /// that it would overlap.
    fn step_labels(&self, plot: Rect, row: u16, buffer: &mut Buffer, theme: &Theme) {
        let Window { from, to, .. } = self.window;
        let width = |label: &str| label.len() as u16;
        let cross = self
            .crosshair
            .filter(|&step| self.window.holds(step as f64))
            .map(|step| {
                let label = figures::count(step);
                let middle = plot.x + cell(self.window.share_of(step as f64), plot.width, 2);
                let most = plot.right().saturating_sub(width(&label)).max(plot.x);
                ((middle.saturating_sub(width(&label) / 2)).clamp(plot.x, most), label)
            });
        let first = format!("step {}", figures::count(from as u64));
        let last = figures::count(to as u64);
        let last_at = plot.right().saturating_sub(width(&last));
        let mut labels = vec![(plot.x, first), (last_at, last)];
        let ticks = Axis::new(from, to, usize::from(plot.width / 14).clamp(1, 8)).ticks;
        for tick in ticks.into_iter().filter(|&tick| from < tick && tick < to) {
            let label = figures::count(tick as u64);
            let middle = plot.x + (self.window.share_of(tick) * f64::from(plot.width - 1)) as u16;
            labels.push((middle.saturating_sub(width(&label) / 2), label));
        }
        let mut placed: Vec<(u16, u16)> = Vec::new();
        let mut place = |(at, label): (u16, String), style| {
            let end = at + width(&label);
            if placed.iter().all(|&(from, to)| end + 2 <= from || to + 2 <= at) {
                buffer.set_stringn(at, row, &label, plot.width.into(), style);
                placed.push((at, end));
            }
        };
        if let Some(cross) = cross {
            place(cross, Style::new().fg(theme.accent).add_modifier(Modifier::BOLD));
        }
        for label in labels {
            place(label, Style::new().fg(theme.dim));
        }
    }
}

/// The cell at a share of an axis. The axis ends at the centres of the canvas's outermost dots; a cell has `dots` of
/// them.
fn cell(share: f64, cells: u16, dots: u16) -> u16 {
    let dot = (share * f64::from(cells * dots - 1)).round() as u16;
    (dot / dots).min(cells - 1)
}

/// A vertical line behind the curves.
fn upright(x: u16, plot: Rect, buffer: &mut Buffer, theme: &Theme) {
    for y in plot.y..plot.bottom() {
        let Some(cell) = buffer.cell_mut((x, y)) else { continue };
        let free = cell.symbol().trim_matches([' ', '\u{2800}']).is_empty() || cell.fg == theme.faint;
        if free {
            cell.set_symbol("│").set_style(Style::new().fg(theme.dim));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theme::Depth;

    fn painted(window: Window, points: &[(f64, f64)], crosshair: Option<u64>) -> Vec<String> {
        let theme = Theme::dark(Depth::True);
        let area = Rect::new(0, 0, 47, 6);
        let mut buffer = Buffer::empty(area);
        let plot = Plot {
            window: Window { dots: 80, ..window },
            curves: vec![Curve {
                shape: Shape::Points(points),
                color: theme.validation,
                sign: None,
            }],
            crosshair,
            steps: true,
        };
        assert!(plot.render(area, &mut buffer, &theme));
        let row = |y| (0..area.width).map(|x| buffer[(x, y)].symbol()).collect();
        (0..area.height).map(row).collect()
    }

    fn window(from: f64, to: f64) -> Window {
        Window {
            from,
            to,
            ..Window::default()
        }
    }

    #[test]
    fn lines_lead_to_the_points_beside_the_window() {
        let points = [(0.0, 1.0), (100.0, 2.0), (200.0, 1.0)];
        assert_eq!([at(&points, 50.0), at(&points, 200.0)], [Some(1.5), Some(1.0)]);
        assert_eq!([at(&points, 0.0), at(&points, 201.0)], [None, None]);
        let between = painted(window(110.0, 190.0), &points, None).join("\n");
        assert!(!between.contains(POINT), "{between}");
        let line = between
            .chars()
            .filter(|c| ('\u{2801}'..='\u{28ff}').contains(c))
            .count();
        assert!(line >= 40, "{between}");
        let at_one = painted(window(90.0, 190.0), &points, None).join("\n");
        assert_eq!(at_one.matches(POINT).count(), 1, "{at_one}");
    }

    #[test]
    fn the_crosshairs_step_stands_below_it_and_no_label_is_cut() {
        let points = [(1.0, 1.0), (1000.0, 2.0)];
        let steps = |crosshair| painted(window(0.0, 1000.0), &points, crosshair).pop().unwrap();
        assert_eq!(
            steps(None).split_whitespace().collect::<Vec<_>>(),
            ["step", "0", "500", "1,000"]
        );
        let marked = steps(Some(520));
        assert_eq!(
            marked.split_whitespace().collect::<Vec<_>>(),
            ["step", "0", "520", "1,000"]
        );
        let upright = painted(window(0.0, 1000.0), &points, Some(520));
        let column = upright[0].chars().position(|c| c == '│').unwrap();
        let digits = marked.find("520").unwrap();
        assert!((digits..digits + 3).contains(&column), "{upright:?}");
        assert_eq!(
            steps(Some(999)).split_whitespace().last(),
            Some("999"),
            "it stands where the last would"
        );
        assert!(!painted(window(0.0, 500.0), &points, Some(520)).join("").contains('│'));
    }

    #[test]
    fn without_values_nothing_is_painted() {
        let theme = Theme::dark(Depth::True);
        let area = Rect::new(0, 0, 47, 6);
        let plot = Plot {
            window: window(0.0, 10.0),
            curves: Vec::new(),
            crosshair: None,
            steps: true,
        };
        assert!(!plot.render(area, &mut Buffer::empty(area), &theme));
    }
}
