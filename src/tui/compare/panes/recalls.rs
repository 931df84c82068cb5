//! The recall of each class in three or more sessions, a column each.

use ratatui::{
    style::{Modifier, Style},
    text::{Line, Span},
};

use crate::{
    figures::{count, fixed},
    text::{clean, columns, pad},
    tui::{
        compare::many::{Many, Run},
        panes::scene::Scene,
    },
};

/// Columns of a session's recall.
const CELL: usize = 7;

/// A heading with the sessions' digits, and a row for each class; the best recall of a class is bold and marked, if they differ. Sessions
/// that do not fit are left out from the end, but never the one beside the baseline.
#[must_use]
pub fn lines(many: &Many, width: usize, scene: &Scene) -> Vec<Line<'static>> {
    let theme = scene.theme;
    let known: Vec<(usize, &Run)> = many
        .runs
        .iter()
        .enumerate()
        .filter(|(_, run)| run.against.is_ok())
        .collect();
    let of = |run: &Run| run.against.as_ref().ok().map(|figures| figures.per_class.clone());
    let Some(classes) = known.first().and_then(|(_, run)| of(run)) else {
        return Vec::new();
    };
    let names = classes.keys().map(|label| columns(&clean(label))).max().unwrap_or(0);
    let names = names.min(width / 3);
    let fits = (width.saturating_sub(names + 8) / CELL).max(1);
    let shown: Vec<&(usize, &Run)> = known
        .iter()
        .filter(|(place, _)| *place < fits || *place == many.selected)
        .collect();
    let shown = if shown.len() > fits {
        [&shown[..fits - 1], &shown[shown.len() - 1..]].concat()
    } else {
        shown
    };
    let mut head = vec![Span::styled(pad("class", names), Style::new().fg(theme.dim))];
    for (place, run) in &shown {
        let sign = scene.overlays.sign(&run.folder).map(String::from).unwrap_or_default();
        let letter = match *place {
            0 => " A",
            place if place == many.selected => " B",
            _ => "",
        };
        let color = scene.overlays.color(&run.folder, scene.folder, theme);
        head.push(Span::styled(
            format!("{:>CELL$}", format!("{sign}{letter}")),
            Style::new().fg(color).add_modifier(Modifier::BOLD),
        ));
    }
    head.push(Span::styled(format!("{:>8}", "n"), Style::new().fg(theme.dim)));
    let mut lines = vec![Line::from(head)];
    for (class, of_first) in &classes {
        let recalls: Vec<f64> = shown
            .iter()
            .map(|(_, run)| {
                let figures = run.against.as_ref().ok();
                figures
                    .and_then(|figures| figures.per_class.get(class))
                    .map_or(f64::NAN, |class| class.recall_b)
            })
            .collect();
        let best = recalls.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let all_equal = recalls.iter().all(|recall| *recall == best);
        let mut spans = vec![Span::styled(pad(&clean(class), names), Style::new().fg(theme.text))];
        for recall in recalls {
            let is_best = recall == best && !all_equal;
            let text = if recall.is_finite() {
                format!("{}{}", fixed(recall * 100.0, 1), if is_best { "•" } else { " " })
            } else {
                "– ".to_owned()
            };
            let style = Style::new().fg(if is_best { theme.good } else { theme.text });
            let style = if is_best {
                style.add_modifier(Modifier::BOLD)
            } else {
                style
            };
            spans.push(Span::styled(format!("{text:>CELL$}"), style));
        }
        let support = count(of_first.support as u64);
        spans.push(Span::styled(format!("{support:>8}"), Style::new().fg(theme.dim)));
        lines.push(Line::from(spans));
    }
    lines
}
