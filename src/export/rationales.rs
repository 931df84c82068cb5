//! The rationales that a session's records hold. An evaluation computes none, because they are slow: they are those of the
//! panel's images and of the images that somebody asked about, as the same checkpoint gave them.

use std::collections::HashMap;

use super::Source;
use crate::session::{KeptEvaluation, Stage};

/// A rationale, and the record that it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rationale {
    pub text: String,
    /// `panel prompt@120` or `answer prompt@120`.
    pub from: String,
}

/// The rationales that the parameters of an evaluation gave, by image; empty where the evaluation is not of the session's own
/// parameters and data. A file that cannot be read counts as missing.
#[must_use]
pub fn rationales(source: &Source, of: &KeptEvaluation) -> HashMap<String, Rationale> {
    let Some(step) = of.prompt.filter(|_| of.is_own()) else {
        return HashMap::new();
    };
    let asked = source.answers.of_step(step);
    let mut found: HashMap<String, Rationale> = asked
        .map(|(image, text)| {
            let from = format!("answer {}@{step}", Stage::Prompt.name());
            (
                image.clone(),
                Rationale {
                    text: text.clone(),
                    from,
                },
            )
        })
        .collect();
    let looks = source.state.panel.values().flatten();
    for look in looks.filter(|look| look.stage == Stage::Prompt && look.step == step) {
        if let Ok(said) = source.prediction(look)
            && !said.rationale.is_empty()
        {
            let from = format!("panel {}@{step}", Stage::Prompt.name());
            found.insert(
                look.image.clone(),
                Rationale {
                    text: said.rationale,
                    from,
                },
            );
        }
    }
    found
}
