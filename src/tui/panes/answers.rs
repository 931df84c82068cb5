//! What the model says of the image under Browse's cursor: what changes when something is tried, why, and other answers.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::Widget,
};

use super::{
    Scene, bordered, effects, more_below,
    portrait::short_name,
    rationale::{self, named, wrapped},
};
use crate::{
    data::View,
    session::{Answer, Faithfulness, Found, ImageResult, Prediction, Request},
    tui::{
        browse::{Answers, Browse},
        figures::{percent, sparkline},
        keymap::Action,
        text::{clean, columns, pad},
        theme::Theme,
        ui::{Pane, Screen},
    },
};

/// Paints the pane.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let browse = scene.browse;
    let note = match (scene.opening, &browse.intervention.waiting) {
        (Some(doing), _) => clean(doing),
        (None, Some(Request::Faithfulness { view, .. })) => format!("following {} …", short_name(*view)),
        (None, Some(Request::Effects { .. })) => "muting each aspect …".to_owned(),
        (None, Some(_)) => "the model looks …".to_owned(),
        (None, None) => asked(browse).unwrap_or_default(),
    };
    let inner = bordered(Pane::Answers, "answers", &note, area, buffer, scene);
    let Some(row) = browse.row() else { return };
    let answers = browse.answers(&row.prediction.image).cloned().unwrap_or_default();
    let lines = lines(row, &answers, inner.width.into(), scene);
    let hidden = lines.len().saturating_sub(inner.height.into());
    let from = scene.ui.scrolled(Pane::Answers, hidden);
    more_below(hidden - from, area, buffer, scene.theme);
    for (y, line) in (inner.y..inner.bottom()).zip(lines.into_iter().skip(from)) {
        line.render(Rect { y, height: 1, ..inner }, buffer);
    }
}

/// Whose answers they are: `prompt 120`.
fn asked(browse: &Browse) -> Option<String> {
    let answers = browse.answers(&browse.row()?.prediction.image)?;
    let answer = answers.plain.as_ref().or(answers.other.as_ref())?;
    Some(format!("{} {}", answer.stage.name(), answer.step))
}

fn lines(row: &ImageResult, answers: &Answers, width: usize, scene: &Scene) -> Vec<Line<'static>> {
    let (tried, theme) = (&scene.browse.intervention, scene.theme);
    let (text, dim) = (Style::new().fg(theme.text), Style::new().fg(theme.dim));
    let mut lines = Vec::new();
    if let Some(reason) = &answers.failed {
        lines.extend(wrapped(&clean(reason), width, Style::new().fg(theme.bad)));
    }
    let plain = answers.plain.as_deref().and_then(predicted);
    if plain.is_none() {
        lines.extend(kept(row, width, theme));
        if answers.failed.is_none() && tried.waiting.is_none() && scene.opening.is_none() {
            let key = scene.keymap.key_for(Screen::Browse, Action::Look);
            let text = if scene.can_ask {
                format!("{key} lets the model look at this image")
            } else {
                "no model can be asked here".to_owned()
            };
            lines.push(Line::default());
            lines.extend(wrapped(&text, width, dim));
        }
    }
    let changed = answers.tried.as_deref().filter(|_| !tried.is_plain());
    let mut newest = [
        told_of_tried(answers, changed, width, scene),
        told_of_other(answers, width, theme),
    ];
    if answers.other_is_newer {
        newest.reverse();
    }
    lines.extend(newest.into_iter().flatten());
    if let Some(said) = changed.and_then(predicted).or(plain) {
        lines.extend(rationale::lines(said, width, theme));
    }
    if !row.annotation.is_empty() {
        lines.push(Line::default());
        lines.push(Line::styled("annotation", dim));
        for (view, said) in &row.annotation {
            lines.extend(named(short_name(*view), &clean(said), width, text, dim));
        }
    }
    lines
}

/// What changes with what is tried.
fn told_of_tried(answers: &Answers, changed: Option<&Answer>, width: usize, scene: &Scene) -> Vec<Line<'static>> {
    let (theme, mut lines) = (scene.theme, Vec::new());
    let plain = answers.plain.as_deref();
    let (Some(before), Some(answer)) = (plain.and_then(predicted), changed) else {
        return lines;
    };
    let Some(now) = predicted(answer) else { return lines };
    let at = |answer: &Answer| (answer.stage, answer.step);
    if plain.map(at) != Some(at(answer)) {
        let [undo, look] = [Action::Undo, Action::Look].map(|action| scene.keymap.key_for(Screen::Browse, action));
        let text = format!("the model has learnt since it looked at the image as it is: {undo}, then {look}");
        lines.extend(wrapped(&text, width, Style::new().fg(theme.warning)));
    }
    lines.push(Line::styled(without(&answer.request), Style::new().fg(theme.dim)));
    lines.extend(changes(before, now, width, theme));
    lines.push(Line::default());
    lines
}

/// The answer to a question, or what was measured.
fn told_of_other(answers: &Answers, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let (text, dim) = (Style::new().fg(theme.text), Style::new().fg(theme.dim));
    let mut lines = match answers.other.as_deref().map(|answer| (&answer.request, &answer.found)) {
        Some((Request::Question { question, .. }, Found::Text(said))) => {
            let said = if said.is_empty() { "–" } else { said };
            let mut lines = wrapped(&clean(question), width, dim);
            lines.extend(wrapped(&clean(said), width, text));
            lines
        }
        Some((Request::Faithfulness { view, .. }, Found::Faithfulness(curves))) => {
            faithfulness(short_name(*view), curves, theme)
        }
        Some((Request::Effects { .. }, Found::Effects(effects))) => effects::lines(effects, width, theme),
        _ => return Vec::new(),
    };
    lines.push(Line::default());
    lines
}

/// What the evaluation kept: each class's probability, the likeliest first.
fn kept(row: &ImageResult, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let (text, dim) = (Style::new().fg(theme.text), Style::new().fg(theme.dim));
    let mut classes: Vec<(&String, &f64)> = row.prediction.probabilities.iter().collect();
    classes.sort_by(|a, b| b.1.total_cmp(a.1));
    let line = |(label, share): (&String, &f64)| {
        Line::from(vec![
            Span::styled(pad(&clean(label), width.min(14)), dim),
            Span::styled(percent(*share), text),
        ])
    };
    classes.into_iter().map(line).collect()
}

fn predicted(answer: &Answer) -> Option<&Prediction> {
    match &answer.found {
        Found::Prediction(prediction) => Some(prediction),
        _ => None,
    }
}

/// `without face, object, 3 patches`
fn without(request: &Request) -> String {
    let Request::Predict { muted, blanked, .. } = request else {
        return String::new();
    };
    let mut left_out: Vec<String> = muted.iter().map(|view| short_name(*view).to_owned()).collect();
    if muted.len() == View::ALL.len() {
        left_out = vec!["all aspects".to_owned()];
    }
    match blanked.len() {
        0 => {}
        1 => left_out.push("1 patch".to_owned()),
        patches => left_out.push(format!("{patches} patches")),
    }
    format!("without {}", left_out.join(", "))
}

/// `awe   62.4 % → 48.1 %  ▼ 14.3`, the largest change first.
fn changes(before: &Prediction, now: &Prediction, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut changes: Vec<(String, f64, f64)> = now
        .probabilities
        .iter()
        .filter_map(|(label, &after)| Some((clean(label), *before.probabilities.get(label)?, after)))
        .collect();
    changes.sort_by(|a, b| (b.2 - b.1).abs().total_cmp(&(a.2 - a.1).abs()));
    let names = changes.iter().map(|(label, ..)| columns(label)).max().unwrap_or(0);
    let names = names.min(width.saturating_sub(28));
    let line = |(label, before, after): (String, f64, f64)| {
        let points = (after - before) * 100.0;
        let (arrow, color) = match points {
            p if p >= 0.05 => ("▲", theme.good),
            p if p <= -0.05 => ("▼", theme.bad),
            _ => ("=", theme.dim),
        };
        let said = now.prediction == label;
        let name = Style::new().fg(theme.text);
        Line::from(vec![
            Span::styled(
                pad(&label, names),
                if said { name.add_modifier(Modifier::BOLD) } else { name },
            ),
            Span::styled(
                format!(" {:>7} → {:>7}", percent(before), percent(after)),
                Style::new().fg(theme.dim),
            ),
            Span::styled(format!("  {arrow} {:.1}", points.abs()), Style::new().fg(color)),
        ])
    };
    changes.into_iter().map(line).collect()
}

/// The curves as sparklines with their areas beside those of a random map.
fn faithfulness(view: &str, curves: &Faithfulness, theme: &Theme) -> Vec<Line<'static>> {
    let (text, dim) = (Style::new().fg(theme.text), Style::new().fg(theme.dim));
    let row = |name: &str, curve: &[f64], random: &[f64], lower: bool| {
        let (own, chance) = (area(curve), area(random));
        let better = if lower { own < chance } else { own > chance };
        let color = if better { theme.good } else { theme.bad };
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
    vec![
        Line::styled(
            format!("p({}) as {view}'s patches go, or come; its mean:", clean(&curves.class)),
            dim,
        ),
        row("deletion", &curves.deletion, &curves.random_deletion, true),
        row("insertion", &curves.insertion, &curves.random_insertion, false),
        Line::styled("faithful: deletion lower than random, insertion higher", dim),
    ]
}

/// The mean height of a curve over equal steps, by trapezes.
fn area(curve: &[f64]) -> f64 {
    let steps = curve.len().saturating_sub(1).max(1) as f64;
    curve.windows(2).map(|two| (two[0] + two[1]) / 2.0).sum::<f64>() / steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_by_trapezes() {
        assert!((area(&[1.0, 0.5, 0.0]) - 0.5).abs() < 1e-12);
        assert_eq!(area(&[]), 0.0);
    }
}
