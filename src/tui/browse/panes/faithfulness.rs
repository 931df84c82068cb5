//! Whether a prediction depends on what an aspect looks at: the deletion and insertion curves, and a verdict.

use std::cmp::Ordering;

use ratatui::{
    style::{Modifier, Style},
    text::{Line, Span},
};

use crate::{figures::sparkline, session::Faithfulness, text::clean, theme::Theme, tui::panes::words::wrapped};

/// The pane's lines: the verdict, then the curves with their areas beside those of a random map.
pub fn lines(view: &str, curves: &Faithfulness, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let (text, dim) = (Style::new().fg(theme.text), Style::new().fg(theme.dim));
    let row = |name: &str, curve: &[f64], random: &[f64], better: Ordering| {
        let (own, chance) = (area(curve), area(random));
        let color = match shown(own).cmp(&shown(chance)) {
            Ordering::Equal => theme.text,
            found if found == better => theme.good,
            _ => theme.bad,
        };
        Line::from(vec![
            Span::styled(format!("{name:<10}"), dim),
            Span::styled(sparkline(curve, 0.0, 1.0), text),
            Span::styled(
                format!(" {own:.2} "),
                Style::new().fg(color).add_modifier(Modifier::BOLD),
            ),
            Span::styled(format!("random {} {chance:.2}", sparkline(random, 0.0, 1.0)), dim),
        ])
    };
    let mut lines = wrapped(&verdict(curves), width, text.add_modifier(Modifier::BOLD));
    let what = format!("p({}) as {view}'s patches go, or come; its mean:", clean(&curves.class));
    lines.extend(wrapped(&what, width, dim));
    lines.push(row(
        "deletion",
        &curves.deletion,
        &curves.random_deletion,
        Ordering::Less,
    ));
    lines.push(row(
        "insertion",
        &curves.insertion,
        &curves.random_insertion,
        Ordering::Greater,
    ));
    lines
}

/// A map is faithful if the probability falls faster when its patches are deleted than when random ones are, and rises
/// faster when they are inserted. The figures are compared as shown.
fn verdict(curves: &Faithfulness) -> String {
    let deletion = (area(&curves.deletion), area(&curves.random_deletion));
    let insertion = (area(&curves.insertion), area(&curves.random_insertion));
    let figures = [deletion.0, deletion.1, insertion.0, insertion.1];
    if figures.iter().any(|figure| !figure.is_finite()) {
        return "no verdict: a probability was not a number".to_owned();
    }
    let order = |(own, chance): (f64, f64)| shown(own).cmp(&shown(chance));
    let said = |name: &str, areas: (f64, f64)| {
        let against = match order(areas) {
            Ordering::Less => "below",
            Ordering::Equal => "equal to",
            Ordering::Greater => "above",
        };
        format!("{name} {:.2} {against} random's {:.2}", areas.0, areas.1)
    };
    let speaks_for = [order(deletion).is_lt(), order(insertion).is_gt()];
    let (deletion, insertion) = (said("deletion", deletion), said("insertion", insertion));
    match speaks_for {
        [true, true] => format!("faithful: {deletion}, {insertion}"),
        [false, false] => format!("not faithful: {deletion}, {insertion}"),
        [false, true] => format!("not faithful: {deletion}, though {insertion}"),
        [true, false] => format!("not faithful: {insertion}, though {deletion}"),
    }
}

/// An area in hundredths, rounded as shown.
fn shown(area: f64) -> i64 {
    (area * 100.0).round() as i64
}

/// The mean height of a curve with equal steps, by the trapezoidal rule.
fn area(curve: &[f64]) -> f64 {
    let steps = curve.len().saturating_sub(1).max(1) as f64;
    curve.windows(2).map(|two| (two[0] + two[1]) / 2.0).sum::<f64>() / steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theme::Depth;

    /// Level curves of these heights: deletion, random, insertion, random.
    fn curves([deletion, random_deletion, insertion, random_insertion]: [f64; 4]) -> Faithfulness {
        Faithfulness {
            class: "awe".to_owned(),
            shares: vec![0.0, 1.0],
            deletion: vec![deletion; 2],
            insertion: vec![insertion; 2],
            random_deletion: vec![random_deletion; 2],
            random_insertion: vec![random_insertion; 2],
        }
    }

    #[test]
    fn the_verdict_follows_from_the_numbers() {
        let says = |heights| verdict(&curves(heights));
        assert_eq!(
            says([0.31, 0.55, 0.66, 0.46]),
            "faithful: deletion 0.31 below random's 0.55, insertion 0.66 above random's 0.46"
        );
        assert_eq!(
            says([0.68, 0.55, 0.27, 0.46]),
            "not faithful: deletion 0.68 above random's 0.55, insertion 0.27 below random's 0.46"
        );
        assert_eq!(
            says([0.68, 0.55, 0.66, 0.46]),
            "not faithful: deletion 0.68 above random's 0.55, though insertion 0.66 above random's 0.46"
        );
        assert_eq!(
            says([0.31, 0.55, 0.461, 0.459]),
            "not faithful: insertion 0.46 equal to random's 0.46, though deletion 0.31 below random's 0.55"
        );
        assert_eq!(
            says([f64::NAN, 0.55, 0.66, 0.46]),
            "no verdict: a probability was not a number"
        );
    }

    #[test]
    fn the_verdict_is_complete_in_a_small_pane_and_without_colour() {
        let theme = Theme::dark(Depth::Mono);
        let lines = lines("scene", &curves([0.68, 0.55, 0.27, 0.46]), 30, &theme);
        let text: Vec<String> = lines.iter().map(ToString::to_string).collect();
        let text = text.join(" ");
        assert!(text.contains("not faithful: deletion 0.68"), "{text}");
        assert!(text.contains("below random's 0.46"), "{text}");
        assert!(!text.contains("insertion higher"), "{text}");
    }

    #[test]
    fn areas_by_trapezoids() {
        assert!((area(&[1.0, 0.5, 0.0]) - 0.5).abs() < 1e-12);
        assert_eq!(area(&[]), 0.0);
    }
}
