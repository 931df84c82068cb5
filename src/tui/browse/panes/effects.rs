//! Each aspect's effect on a prediction: the probability with it muted, and a sentence on which aspect matters.

use ratatui::{
    style::{Modifier, Style},
    text::{Line, Span},
};

use crate::{
    figures::{percent, signed},
    session::Effects,
    text::{clean, pad},
    theme::Theme,
    tui::panes::{portrait::short_name, words::wrapped},
};

/// Changes below this many points are not worth mentioning.
const LEAST_CHANGE: f64 = 1.0;

/// The pane's lines: the conclusion, then the aspects by size of the change, largest first.
pub fn lines(effects: &Effects, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let (text, dim) = (Style::new().fg(theme.text), Style::new().fg(theme.dim));
    let points = |share: f64| (share - effects.whole) * 100.0;
    let mut without = effects.without.clone();
    without.sort_by(|a, b| points(b.1).abs().total_cmp(&points(a.1).abs()));
    // Values that are not numbers are sorted last.
    without.sort_by_key(|(_, share)| !share.is_finite());
    let row = |name: &str, share: f64| {
        let change = points(share);
        let style = if change.abs() >= LEAST_CHANGE {
            text.add_modifier(Modifier::BOLD)
        } else {
            dim
        };
        Line::from(vec![
            Span::styled(pad(name, 11), dim),
            Span::styled(format!("{:>7}", percent(share)), text),
            Span::styled(format!("  {} points", signed(change, 1)), style),
        ])
    };
    let class = clean(&effects.class);
    let first = without
        .first()
        .filter(|(_, share)| points(*share).abs() >= LEAST_CHANGE);
    let verdict = match first {
        Some((view, share)) if points(*share) < 0.0 => format!("{} drives {class} most", short_name(*view)),
        Some((view, _)) => format!("{} speaks against {class} most", short_name(*view)),
        None if points(effects.without_all).abs() >= LEAST_CHANGE => {
            format!("no aspect alone moves {class} by a point; together they do")
        }
        None => format!("no aspect moves {class} by a point: the image's own tokens decide"),
    };
    let mut lines = wrapped(&verdict, width, text.add_modifier(Modifier::BOLD));
    let whole = format!("p({class}) {}, and without", percent(effects.whole));
    lines.push(Line::styled(whole, dim));
    lines.extend(without.iter().map(|&(view, share)| row(short_name(view), share)));
    lines.push(row("all of them", effects.without_all));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{data::View, theme::Depth};

    fn verdict(without: [f64; 2], without_all: f64) -> String {
        let effects = Effects {
            class: "awe".to_owned(),
            whole: 0.7,
            without: vec![(View::Scene, without[0]), (View::Object, without[1])],
            without_all,
        };
        let lines = lines(&effects, 80, &Theme::dark(Depth::True));
        lines.first().map(ToString::to_string).unwrap_or_default()
    }

    #[test]
    fn the_verdict_names_what_matters() {
        assert_eq!(verdict([0.69, 0.4], 0.3), "object drives awe most");
        assert_eq!(verdict([0.9, 0.695], 0.7), "scene speaks against awe most");
        assert_eq!(
            verdict([0.7, f64::NAN], 0.3),
            "no aspect alone moves awe by a point; together they do"
        );
        assert_eq!(
            verdict([0.7, 0.701], 0.7),
            "no aspect moves awe by a point: the image's own tokens decide"
        );
    }
}
