//! Whether a rationale is about the predicted emotion.

use super::Prediction;

/// The class that a prediction's rationale argues for, where that is not the predicted one.
///
/// The question asks which cues evoke the emotion, so the text from the last "evoke" on counts. The whole rationale is read
/// where it lacks that word or no class follows it. A rationale that names no class argues for none.
#[must_use]
pub fn argues_for_another(prediction: &Prediction) -> Option<&str> {
    let text = prediction.rationale.to_lowercase();
    let conclusion = text.rfind("evoke").map_or(text.as_str(), |at| &text[at..]);
    let classes = || prediction.probabilities.keys().map(String::as_str);
    let named = |text: &str| -> Vec<&str> { classes().filter(|class| names(text, &class.to_lowercase())).collect() };
    let mut argued = named(conclusion);
    if argued.is_empty() {
        argued = named(&text);
    }
    if argued.contains(&prediction.prediction.as_str()) {
        return None;
    }
    argued.first().copied()
}

/// The mark beside such a rationale: "! argues for fear, not for excitement".
#[must_use]
pub fn rationale_mark(prediction: &Prediction) -> Option<String> {
    let another = argues_for_another(prediction)?;
    Some(format!("! argues for {another}, not for {}", prediction.prediction))
}

/// Whether `text` holds `name` as whole words.
fn names(text: &str, name: &str) -> bool {
    !name.is_empty()
        && text.match_indices(name).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + name.len()..].chars().next();
            !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(said: &str, rationale: &str) -> Prediction {
        Prediction {
            prediction: said.to_owned(),
            rationale: rationale.to_owned(),
            probabilities: ["amusement", "fear", "sadness", "joy"]
                .map(|class| (class.to_owned(), 0.25))
                .into_iter()
                .collect(),
            ..Prediction::default()
        }
    }

    #[test]
    fn the_conclusion_decides_for_which_class_a_rationale_argues() {
        for (said, rationale, another) in [
            ("fear", "The snake evokes fear.", None),
            ("amusement", "The snake and the forest evoke fear.", Some("fear")),
            // A cue may bear a class's name.
            ("sadness", "The fear face evokes sadness.", None),
            ("fear", "The Fear face evokes Sadness.", Some("sadness")),
            ("amusement", "Balloons evoke amusement rather than fear.", None),
            // Nothing behind the verb, and no verb at all.
            ("fear", "Fear is what the dark forest may evoke.", None),
            ("fear", "A picture full of joy", Some("joy")),
            // A part of a word does not count as a name.
            ("fear", "Enjoyment and fearless faces", None),
            ("fear", "The dark forest", None),
            ("fear", "", None),
        ] {
            assert_eq!(argues_for_another(&about(said, rationale)), another, "{rationale}");
        }
    }
}
