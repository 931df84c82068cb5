//! The figures of three or more sessions, a row each, against the first.

use ratatui::{
    style::{Color, Modifier, Style},
    text::{Line, Span},
};

use crate::{
    figures::fixed,
    metrics::{Comparison, Estimate},
    text::{clean, columns, fit, pad},
    theme::Theme,
    tui::{
        compare::many::{Many, Run},
        panes::scene::Scene,
    },
};

/// Columns of what follows the name: accuracy with its interval, macro-F1, ECE, flips, McNemar's p.
const FIGURES: usize = 17 + 6 + 6 + 10 + 7;
/// Columns before the name: the session's digit, and A or B.
const BEFORE: usize = 4;

/// A heading, and a row for each session; the one side by side with the baseline is marked as the cursor's row.
#[must_use]
pub fn lines(many: &Many, width: usize, focused: bool, scene: &Scene) -> Vec<Line<'static>> {
    let theme = scene.theme;
    let widest = many
        .runs
        .iter()
        .map(|run| columns(&clean(&run.name)))
        .max()
        .unwrap_or(0);
    let name = widest.clamp(8, width.saturating_sub(BEFORE + FIGURES).max(8));
    let head = format!(
        "{}{} {:<16} {:>5} {:>5} {:>9} {:>5} ",
        " ".repeat(BEFORE),
        pad("run", name),
        "accuracy",
        "F1",
        "ECE",
        "flips",
        "p"
    );
    let mut lines = vec![Line::styled(head, Style::new().fg(theme.dim))];
    for (place, run) in many.runs.iter().enumerate() {
        let mut line = row(many, place, run, name, width, scene);
        if place == many.selected {
            let style = if focused {
                Style::new().fg(theme.on_accent).bg(theme.accent)
            } else {
                Style::new().bg(theme.faint)
            };
            for span in &mut line.spans {
                span.style = if focused { style } else { span.style.patch(style) };
            }
        }
        lines.push(line);
    }
    lines
}

fn row(many: &Many, place: usize, run: &Run, name: usize, width: usize, scene: &Scene) -> Line<'static> {
    let (theme, bold) = (scene.theme, Modifier::BOLD);
    let sign = scene.overlays.sign(&run.folder).unwrap_or(' ');
    let color = scene.overlays.color(&run.folder, scene.folder, theme);
    let letter = match place {
        0 => "A",
        _ if place == many.selected => "B",
        _ => " ",
    };
    let mut spans = vec![
        Span::styled(format!("{sign} "), Style::new().fg(color).add_modifier(bold)),
        Span::styled(format!("{letter} "), Style::new().fg(theme.accent).add_modifier(bold)),
        Span::styled(
            format!("{} ", pad(&fit(&clean(&run.name), name), name)),
            Style::new().fg(color),
        ),
    ];
    match &run.against {
        Err(reason) => {
            let room = width.saturating_sub(BEFORE + name + 1);
            spans.push(Span::styled(fit(&clean(reason), room), Style::new().fg(theme.warning)));
        }
        Ok(figures) => spans.extend(cells(figures, place == 0, theme)),
    }
    Line::from(spans)
}

fn cells(of: &Comparison, baseline: bool, theme: &Theme) -> Vec<Span<'static>> {
    let text = Style::new().fg(theme.text);
    let mut spans = vec![Span::styled(
        format!(
            "{:<16} {:>5} {:>5} ",
            interval(of.accuracy.b),
            fixed(of.macro_f1.b.value * 100.0, 1),
            fraction(of.ece.b.value)
        ),
        text,
    )];
    if baseline {
        spans.push(Span::styled(
            format!("{:>9} {:>5} ", "baseline", ""),
            Style::new().fg(theme.dim),
        ));
        return spans;
    }
    let test = &of.mcnemar;
    let flips = format!("+{} −{}", test.only_second, test.only_first);
    let (mark, color) = judged(of, theme);
    spans.push(Span::styled(format!("{flips:>9} "), text));
    spans.push(Span::styled(
        format!("{:>5}{mark}", fraction(test.p_value)),
        Style::new().fg(color),
    ));
    spans
}

/// Whether it is more often right than the baseline beyond chance: the interval of the difference and McNemar's test agree.
fn judged(of: &Comparison, theme: &Theme) -> (&'static str, Color) {
    let difference = of.accuracy.difference;
    match of.mcnemar.p_value < 0.05 {
        true if difference.low > 0.0 => ("▲", theme.good),
        true if difference.high < 0.0 => ("▼", theme.bad),
        _ => (" ", theme.text),
    }
}

/// `91.2 [88.0,93.1]`, in per cent.
fn interval(Estimate { value, low, high }: Estimate) -> String {
    let [value, low, high] = [value, low, high].map(|share| fixed(share * 100.0, 1));
    format!("{value} [{low},{high}]")
}

fn fraction(share: f64) -> String {
    fixed(share, 3).replacen("0.", ".", 1)
}
