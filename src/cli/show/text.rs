//! A prediction in words: probabilities as bars, where each aspect looks most and what it answers, the rationale.

use crate::session::{Prediction, rationale_mark};
use crate::{heatmap::AttentionMap, printable::printable, text};

/// The words of a prediction, in lines of at most `width` columns (but for names and numbers that need more).
pub(super) fn lines(prediction: &Prediction, width: usize) -> Vec<String> {
    let mut lines = vec![
        format!(
            "{}: {}",
            printable(&prediction.image),
            printable(&prediction.prediction)
        ),
        String::new(),
    ];
    lines.extend(bars(prediction, width));
    lines.push(String::new());
    for (view, seen) in &prediction.aspects {
        lines.extend(hanging(&format!("{view:<18}"), &seen.text, width));
        let looks = match AttentionMap::mean(seen) {
            Ok(map) => {
                let (row, column, weight) = map.peak();
                format!(
                    "looks most at row {}, column {} of {} x {}: {:.1} % of its attention",
                    row + 1,
                    column + 1,
                    map.height,
                    map.width,
                    100.0 * weight
                )
            }
            Err(reason) => reason,
        };
        lines.extend(hanging(&" ".repeat(18), &looks, width));
    }
    if !prediction.rationale.trim().is_empty() {
        lines.push(String::new());
        for paragraph in prediction.rationale.lines() {
            lines.extend(hanging("", paragraph, width));
        }
        if let Some(mark) = rationale_mark(prediction) {
            lines.extend(hanging("", &mark, width));
        }
    }
    lines
}

/// One line per class, the most probable first; the prediction is marked.
fn bars(prediction: &Prediction, width: usize) -> Vec<String> {
    let mut classes: Vec<(String, bool, f64)> = Vec::new();
    for (label, &p) in &prediction.probabilities {
        classes.push((printable(label).into_owned(), *label == prediction.prediction, p));
    }
    classes.sort_by(|a, b| b.2.total_cmp(&a.2));
    let names = classes
        .iter()
        .map(|(label, ..)| text::columns(label))
        .max()
        .unwrap_or(0);
    let room = width.saturating_sub(names + 13).clamp(8, 40);
    let line = |(label, predicted, p): &(String, bool, f64)| {
        let mark = if *predicted { '>' } else { ' ' };
        let full = (p.clamp(0.0, 1.0) * room as f64).round() as usize;
        format!(
            "{mark} {} {:5.1} % {}",
            text::pad(label, names),
            100.0 * p,
            "\u{2588}".repeat(full)
        )
    };
    classes.iter().map(|class| line(class).trim_end().to_owned()).collect()
}

/// `head` and `words`, wrapped; the following lines are indented by the width of `head`.
fn hanging(head: &str, words: &str, width: usize) -> Vec<String> {
    let words: Vec<_> = words.lines().map(printable).collect();
    let indent = text::columns(head);
    let mut lines = text::wrap(&words.join(" "), width.saturating_sub(indent).max(20));
    if lines.is_empty() {
        lines.push(String::new());
    }
    let begin = |(number, line): (usize, String)| {
        let head = if number == 0 {
            head.to_owned()
        } else {
            " ".repeat(indent)
        };
        format!("{head}{line}").trim_end().to_owned()
    };
    lines.into_iter().enumerate().map(begin).collect()
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::*;
    use crate::data::View;
    use crate::session::AspectSeen;

    #[test]
    fn a_prediction_in_words() {
        let seen = AspectSeen {
            grid: [1, 2],
            attention: vec![vec![0.25, 0.75]],
            text: "a\u{1b}[2J beach\nat dusk".into(),
        };
        let prediction = Prediction {
            image: "a\u{7}.png".into(),
            prediction: "awe".into(),
            probabilities: IndexMap::from([("anger".to_owned(), 0.25), ("awe".to_owned(), 0.75)]),
            log_likelihoods: IndexMap::new(),
            generated: "awe".into(),
            rationale: format!("first\n{}", "word ".repeat(20)),
            aspects: IndexMap::from([(View::Scene, seen)]),
        };
        let lines = lines(&prediction, 60);
        assert_eq!(
            lines[..7],
            [
                "a\u{fffd}.png: awe".to_owned(),
                String::new(),
                format!("> awe    75.0 % {}", "\u{2588}".repeat(30)),
                format!("  anger  25.0 % {}", "\u{2588}".repeat(10)),
                String::new(),
                "scene             a\u{fffd}[2J beach at dusk".to_owned(),
                "                  looks most at row 1, column 2 of 1 x 2:".to_owned(),
            ]
        );
        assert!(
            lines
                .iter()
                .all(|line| text::columns(line) <= 60 && !line.contains(char::is_control)),
            "{lines:#?}"
        );
        assert_eq!(lines[9], "first");
    }
}
