//! The figures of two evaluations with their intervals, and the settings that differ; above them a row for each session, if
//! more than two are compared.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::Widget,
};

use super::many;
use crate::{
    figures::{count, fixed, signed},
    keymap::{Action, Screen},
    metrics::{Both, Estimate},
    text::{clean, fit},
    theme::Theme,
    tui::{
        compare::{compared::Compared, side::Side},
        panes::{
            frame::{bordered, more_below, nothing_yet},
            portrait::message,
            scene::Scene,
            words::wrapped,
        },
        ui::Pane,
    },
};

/// Paints the pane.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let (compare, theme) = (scene.compare, scene.theme);
    let split = compare.many.as_ref().and_then(|many| many.split.as_deref());
    let split = split.map(|split| format!("{split} · ")).unwrap_or_default();
    let note = compare
        .compared
        .as_ref()
        .map(|compared| {
            format!(
                "{split}{} images · % (ECE 0–1), 95 % intervals",
                count(compared.pairs.len() as u64)
            )
        })
        .unwrap_or_default();
    let inner = bordered(Pane::Figures, "figures", &note, area, buffer, scene);
    let mut lines = match &compare.many {
        Some(many) => {
            let focused = scene.ui.focus() == Pane::Figures;
            many::lines(many, inner.width.into(), focused, scene)
        }
        None => Vec::new(),
    };
    match (&compare.problem, &compare.sides, &compare.compared) {
        (Some(problem), ..) if lines.is_empty() => return message(&clean(problem), inner, buffer, theme.bad),
        (Some(problem), ..) => lines.extend(wrapped(&clean(problem), inner.width.into(), Style::new().fg(theme.bad))),
        (None, Some(sides), Some(compared)) => {
            if lines.is_empty() {
                lines.extend([side("A", &sides[0], theme), side("B", &sides[1], theme)]);
            } else {
                lines.push(Line::styled(
                    format!("{:<9}{:<17}{:<17}B − A", "", "A", "B"),
                    Style::new().fg(theme.dim),
                ));
            }
            lines.extend(figures(compared, theme));
        }
        _ if lines.is_empty() => return nothing_yet(&nothing(scene), inner, buffer, theme),
        _ => lines.push(Line::styled(nothing(scene), Style::new().fg(theme.dim))),
    }
    if !compare.settings.is_empty() {
        lines.push(Line::styled("settings that differ", Style::new().fg(theme.dim)));
    }
    for difference in &compare.settings {
        let [a, b] = difference.shown();
        let text = format!("  {}  {a} | {b}", difference.key);
        lines.push(Line::styled(
            fit(&clean(&text), inner.width.into()),
            Style::new().fg(theme.text),
        ));
    }
    let hidden = lines.len().saturating_sub(inner.height.into());
    let from = scene.ui.scrolled(Pane::Figures, hidden);
    more_below(hidden - from, area, buffer, theme);
    for (y, line) in (inner.y..inner.bottom()).zip(lines.into_iter().skip(from)) {
        line.render(Rect { y, height: 1, ..inner }, buffer);
    }
}

/// The message where nothing is compared.
pub fn nothing(scene: &Scene) -> String {
    if scene.compare.problem.is_some() {
        "they cannot be compared; the figures pane says why".to_owned()
    } else if scene.compare.compared.is_some() {
        let key = scene.keymap.key_for(Screen::Compare, Action::Only);
        format!("no image is chosen; {key} shows others")
    } else if scene.compare.sides.is_some() || scene.reading {
        "comparing …".to_owned()
    } else {
        let sessions = scene.keymap.key_for(Screen::Compare, Action::Screen(Screen::Sessions));
        let mark = scene.keymap.key_for(Screen::Sessions, Action::Mark);
        format!("mark two sessions in Sessions ({sessions}, then {mark}), and come back")
    }
}

fn side(name: &'static str, side: &Side, theme: &Theme) -> Line<'static> {
    let evaluation = side.evaluation().map(|kept| clean(&kept.name)).unwrap_or_default();
    Line::from(vec![
        Span::styled(
            format!("{name}  "),
            Style::new().fg(theme.accent).add_modifier(Modifier::BOLD),
        ),
        Span::styled(clean(&side.name), Style::new().fg(theme.text)),
        Span::styled(format!("  {evaluation}"), Style::new().fg(theme.dim)),
    ])
}

fn figures(compared: &Compared, theme: &Theme) -> Vec<Line<'static>> {
    let (dim, text) = (Style::new().fg(theme.dim), Style::new().fg(theme.text));
    let of = &compared.figures;
    let rows = [
        ("accuracy", of.accuracy, true, percent as fn(f64, bool) -> String),
        ("macro-F1", of.macro_f1, true, percent),
        ("ECE", of.ece, false, fraction),
    ];
    let mut lines: Vec<Line> = rows
        .into_iter()
        .map(|(name, Both { a, b, difference }, more_is_better, shown)| {
            Line::from(vec![
                Span::styled(format!("{name:<9}"), dim),
                Span::styled(format!("{:<16} ", interval(a, false, shown)), text),
                Span::styled(format!("{:<16} ", interval(b, false, shown)), text),
                Span::styled(
                    interval(difference, true, shown),
                    Style::new().fg(judged(difference, more_is_better, theme)),
                ),
            ])
        })
        .collect();
    let test = &of.mcnemar;
    lines.push(Line::from(vec![
        Span::styled("only A is right ", dim),
        Span::styled(count(test.only_first), text),
        Span::styled("   only B ", dim),
        Span::styled(count(test.only_second), text),
        Span::styled("   McNemar p ", dim),
        Span::styled(format!("{:.3}", test.p_value), text.add_modifier(Modifier::BOLD)),
    ]));
    lines.push(Line::styled(verdict(compared), text.add_modifier(Modifier::BOLD)));
    if compared.alone > 0 {
        let text = format!("{} images are in only one of the two", count(compared.alone as u64));
        lines.push(Line::styled(text, Style::new().fg(theme.warning)));
    }
    lines
}

/// The conclusion from the difference in accuracy. It claims nothing if the interval and the test disagree.
fn verdict(compared: &Compared) -> String {
    let difference = compared.figures.accuracy.difference;
    let sure = compared.figures.mcnemar.p_value < 0.05;
    if sure && difference.low > 0.0 {
        "B is more often right, beyond chance".to_owned()
    } else if sure && difference.high < 0.0 {
        "A is more often right, beyond chance".to_owned()
    } else {
        "no difference in accuracy beyond chance".to_owned()
    }
}

/// `91.2 [88.0,93.1]`
fn interval(Estimate { value, low, high }: Estimate, difference: bool, shown: fn(f64, bool) -> String) -> String {
    let number = |share| shown(share, difference);
    format!("{} [{},{}]", number(value), number(low), number(high))
}

/// A share, or a difference of two shares, in per cent.
fn percent(share: f64, difference: bool) -> String {
    let shown = if difference { signed } else { fixed };
    shown(share * 100.0, 1)
}

/// The same as a fraction, which is usual for calibration errors: `.019` is no wider than `12.3`.
fn fraction(share: f64, difference: bool) -> String {
    let shown = if difference { signed } else { fixed };
    shown(share, 3).replacen("0.", ".", 1)
}

/// The colour of a difference: good or bad only if its interval excludes 0.
fn judged(difference: Estimate, more_is_better: bool, theme: &Theme) -> Color {
    if difference.low <= 0.0 && difference.high >= 0.0 {
        theme.text
    } else if (difference.value > 0.0) == more_is_better {
        theme.good
    } else {
        theme.bad
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theme::Depth;

    const fn estimate(value: f64, low: f64, high: f64) -> Estimate {
        Estimate { value, low, high }
    }

    #[test]
    fn calibration_is_a_fraction_and_shares_are_per_cent() {
        let ece = estimate(0.0189, 0.0104, 0.2);
        assert_eq!(interval(ece, false, fraction), ".019 [.010,.200]");
        assert_eq!(
            interval(estimate(0.0001, -0.0534, 0.056), true, fraction),
            ".000 [-.053,+.056]"
        );
        assert_eq!(
            interval(estimate(1.0, 0.995, 1.0), false, fraction),
            "1.000 [.995,1.000]"
        );
        assert_eq!(
            interval(estimate(-0.0001, -0.113, 0.02), true, percent),
            "0.0 [-11.3,+2.0]"
        );
    }

    #[test]
    fn the_good_colour_marks_better_not_larger() {
        let theme = Theme::dark(Depth::True);
        let (rises, falls) = (estimate(0.1, 0.05, 0.2), estimate(-0.1, -0.2, -0.05));
        assert_eq!(
            [judged(rises, true, &theme), judged(falls, false, &theme)],
            [theme.good; 2]
        );
        assert_eq!(
            [judged(falls, true, &theme), judged(rises, false, &theme)],
            [theme.bad; 2]
        );
    }
}
