//! The model's answers on the image under Browse's cursor: what an intervention changes, the rationale, and other
//! answers.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::Widget,
};

use super::{effects, faithfulness};
use crate::{
    data::View,
    figures::percent,
    keymap::{Action, Screen},
    session::{Answer, Found, ImageResult, Prediction, Request},
    text::{clean, columns, pad},
    theme::Theme,
    tui::{
        browse::{Answers, Browse},
        panes::{
            frame::{bordered, more_below},
            portrait::short_name,
            scene::Scene,
            words::{self, named, wrapped},
        },
        ui::Pane,
    },
};

/// Paints the pane.
pub fn render(area: Rect, buffer: &mut Buffer, scene: &mut Scene) {
    let browse = scene.browse;
    let note = match (scene.opening, &browse.intervention.waiting) {
        (Some(doing), _) => clean(doing),
        (None, Some(Request::Faithfulness { view, .. })) => format!("blanking patches by {} …", short_name(*view)),
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

/// The checkpoint whose answers they are: `prompt 120`.
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
        tried_lines(answers, changed, &row.gold, width, scene),
        other_lines(answers, width, theme),
    ];
    if answers.other_is_newer {
        newest.reverse();
    }
    lines.extend(newest.into_iter().flatten());
    if let Some(said) = changed.and_then(predicted).or(plain) {
        lines.extend(words::lines(said, width, theme));
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

/// How the intervention changes the prediction.
fn tried_lines(
    answers: &Answers,
    changed: Option<&Answer>,
    gold: &str,
    width: usize,
    scene: &Scene,
) -> Vec<Line<'static>> {
    let (theme, mut lines) = (scene.theme, Vec::new());
    let plain = answers.plain.as_deref();
    let (Some(before), Some(answer)) = (plain.and_then(predicted), changed) else {
        return lines;
    };
    let Some(now) = predicted(answer) else { return lines };
    let at = |answer: &Answer| (answer.stage, answer.step);
    if plain.map(at) != Some(at(answer)) {
        let [undo, look] = [Action::Undo, Action::Look].map(|action| scene.keymap.key_for(Screen::Browse, action));
        let text = format!("the model was trained further since it predicted the unchanged image: {undo}, then {look}");
        lines.extend(wrapped(&text, width, Style::new().fg(theme.warning)));
    }
    lines.push(Line::styled(without(&answer.request), Style::new().fg(theme.dim)));
    lines.extend(changes(before, now, gold, width, theme));
    lines.push(Line::default());
    lines
}

/// The answer to a question, the faithfulness curves, or the aspects' effects.
fn other_lines(answers: &Answers, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let (text, dim) = (Style::new().fg(theme.text), Style::new().fg(theme.dim));
    let mut lines = match answers.other.as_deref().map(|answer| (&answer.request, &answer.found)) {
        Some((Request::Question { question, .. }, Found::Text(said))) => {
            let said = if said.is_empty() { "–" } else { said };
            let mut lines = wrapped(&clean(question), width, dim);
            lines.extend(wrapped(&clean(said), width, text));
            lines
        }
        Some((Request::Faithfulness { view, .. }, Found::Faithfulness(curves))) => {
            faithfulness::lines(short_name(*view), curves, width, theme)
        }
        Some((Request::Effects { .. }, Found::Effects(effects))) => effects::lines(effects, width, theme),
        _ => return Vec::new(),
    };
    lines.push(Line::default());
    lines
}

/// The evaluation's saved prediction: each class's probability, the most likely first.
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

/// `awe   62.4 % → 48.1 %  ▼ 14.3`, the largest change first. Green is better: more for the `gold` class, less for another.
fn changes(before: &Prediction, now: &Prediction, gold: &str, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut changes: Vec<(&str, f64, f64)> = now
        .probabilities
        .iter()
        .filter_map(|(label, &after)| Some((label.as_str(), *before.probabilities.get(label)?, after)))
        .collect();
    let gold_is_known = now.probabilities.contains_key(gold);
    changes.sort_by(|a, b| (b.2 - b.1).abs().total_cmp(&(a.2 - a.1).abs()));
    let names = changes
        .iter()
        .map(|(label, ..)| columns(&clean(label)))
        .max()
        .unwrap_or(0);
    let names = names.min(width.saturating_sub(28));
    let line = |(label, before, after): (&str, f64, f64)| {
        let points = (after - before) * 100.0;
        let better = |rises: bool| match (gold_is_known, rises == (label == gold)) {
            (false, _) => theme.text,
            (true, true) => theme.good,
            (true, false) => theme.bad,
        };
        let (arrow, color) = match points {
            p if p >= 0.05 => ("▲", better(true)),
            p if p <= -0.05 => ("▼", better(false)),
            _ => ("=", theme.dim),
        };
        let said = now.prediction == label;
        let name = Style::new().fg(theme.text);
        Line::from(vec![
            Span::styled(
                pad(&clean(label), names),
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

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::*;
    use crate::theme::Depth;

    fn prediction(awe: f64) -> Prediction {
        let probabilities = IndexMap::from_iter([("awe".to_owned(), awe), ("fear".to_owned(), 1.0 - awe)]);
        Prediction {
            image: "1.png".to_owned(),
            prediction: "awe".to_owned(),
            log_likelihoods: probabilities.clone(),
            probabilities,
            generated: String::new(),
            rationale: String::new(),
            aspects: IndexMap::new(),
        }
    }

    #[test]
    fn green_marks_better_not_larger() {
        let theme = Theme::dark(Depth::True);
        let colors = |gold: &str, after: f64| -> Vec<_> {
            let lines = changes(&prediction(0.5), &prediction(after), gold, 60, &theme);
            let of = |line: &Line| line.spans.last().and_then(|span| span.style.fg);
            lines.iter().map(of).collect()
        };
        let (good, bad) = (Some(theme.good), Some(theme.bad));
        assert_eq!(colors("awe", 0.7), [good, good], "awe rises, fear falls");
        assert_eq!(colors("awe", 0.3), [bad, bad]);
        assert_eq!(colors("fear", 0.3), [good, good]);
        assert_eq!(colors("fear", 0.5), [Some(theme.dim); 2]);
        assert_eq!(colors("", 0.7), [Some(theme.text); 2], "no gold class, no better");
    }
}
