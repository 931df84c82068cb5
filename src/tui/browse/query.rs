//! The table's filter: terms that must all hold.
//!
//! ```text
//! wrong  right                      the prediction
//! gold:fear  pred:awe               a class, by the beginning of its name; gold=fear by all of it
//! conf<0.4  conf<40%  margin>=0.2    a number
//! scene:beach  object:dog  ...      the annotation of an aspect holds this
//! beach                             the image's name or anything of its annotation holds this
//! -wrong  -gold:fear  -beach        not
//! ```

use crate::{
    data::View,
    relation::{Relation, number},
    session::ImageResult,
    terms::Terms,
};

/// A filter; the empty one passes all rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query(Terms<What>);

#[derive(Debug, Clone, PartialEq)]
enum What {
    Right(bool),
    /// The class's name; with `false`, only the beginning of it.
    Gold(String, bool),
    Predicted(String, bool),
    Number(Figure, Relation, f64),
    Annotated(View, String),
    Text(String),
}

/// A number of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Figure {
    Confidence,
    Margin,
    Loss,
}

impl Query {
    /// Parses a filter, ignoring case.
    ///
    /// # Errors
    /// A message on the first invalid term.
    pub fn parse(text: &str) -> Result<Self, String> {
        Terms::parse(text, what).map(Self)
    }

    /// Checks that each class of the filter is the beginning of one of `labels`.
    ///
    /// # Errors
    /// A sentence on the first that is not, with the nearest label.
    pub fn check(&self, labels: &[String]) -> Result<(), String> {
        for what in self.0.iter() {
            let (What::Gold(name, whole) | What::Predicted(name, whole)) = what else {
                continue;
            };
            if labels.iter().any(|label| is_class(label, name, *whole)) {
                continue;
            }
            let near = |label: &str| strsim::jaro_winkler(&label.to_lowercase(), name);
            if let Some(nearest) = labels.iter().max_by(|a, b| near(a).total_cmp(&near(b))) {
                return Err(format!("there is no class `{name}`; the nearest is `{nearest}`"));
            }
        }
        Ok(())
    }

    /// Whether a row passes.
    #[must_use]
    pub fn holds(&self, row: &ImageResult) -> bool {
        self.0.hold(|what| what.holds(row))
    }
}

fn what(word: &str) -> Result<What, String> {
    match word {
        "wrong" => return Ok(What::Right(false)),
        "right" => return Ok(What::Right(true)),
        _ => {}
    }
    // Checked before the relations, because a class's name may contain their signs.
    if let Some(class) = word.strip_prefix("gold=") {
        return Ok(What::Gold(spaced(class), true));
    }
    if let Some(class) = word.strip_prefix("pred=").or_else(|| word.strip_prefix("says=")) {
        return Ok(What::Predicted(spaced(class), true));
    }
    if let Some((name, relation, value)) = Relation::split(word) {
        let figure = match name {
            "conf" | "confidence" => Figure::Confidence,
            "margin" => Figure::Margin,
            "loss" => Figure::Loss,
            _ => return Err(format!("`{name}` is not a numeric column; use conf, margin or loss")),
        };
        return Ok(What::Number(figure, relation, number(value)?));
    }
    if let Some((name, _)) = word.split_once('=') {
        return Err(format!("`{name}=` does not select a class; use gold= or pred="));
    }
    let Some((name, value)) = word.split_once(':') else {
        return Ok(What::Text(word.to_owned()));
    };
    let value = value.to_owned();
    match name {
        "gold" => Ok(What::Gold(spaced(&value), false)),
        "pred" | "says" => Ok(What::Predicted(spaced(&value), false)),
        _ => View::ALL
            .into_iter()
            .find(|view| !name.is_empty() && (view.name().starts_with(name) || view.name().ends_with(name)))
            .map(|view| What::Annotated(view, value))
            .ok_or_else(|| format!("`{name}:` is not a column; use gold, pred or an aspect")),
    }
}

/// The filter for one gold class and, if given, one predicted class, as [`Query::parse`] reads it.
#[must_use]
pub fn of_classes(gold: &str, predicted: Option<&str>) -> String {
    let word = |name: &str, class: &str| format!("{name}={}", class.replace(char::is_whitespace, "_"));
    let predicted = predicted.map(|class| word("pred", class));
    [Some(word("gold", gold)), predicted]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ")
}

/// A class's name in lower case. `_` stands for a space, because spaces separate terms.
fn spaced(name: &str) -> String {
    name.to_lowercase()
        .replace(|c: char| c == '_' || c.is_whitespace(), " ")
}

fn is_class(class: &str, name: &str, whole: bool) -> bool {
    let class = spaced(class);
    if whole { class == name } else { class.starts_with(name) }
}

impl What {
    fn holds(&self, row: &ImageResult) -> bool {
        let holds = |text: &str, part: &str| text.to_lowercase().contains(part);
        match self {
            Self::Right(right) => row.is_right() == *right,
            Self::Gold(name, whole) => is_class(&row.gold, name, *whole),
            Self::Predicted(name, whole) => is_class(&row.prediction.prediction, name, *whole),
            Self::Number(figure, relation, value) => {
                let number = match figure {
                    Figure::Confidence => row.confidence(),
                    Figure::Margin => row.margin(),
                    Figure::Loss => row.loss,
                };
                relation.holds(number, *value)
            }
            Self::Annotated(view, part) => row.annotation.get(view).is_some_and(|text| holds(text, part)),
            Self::Text(part) => {
                holds(&row.prediction.image, part) || row.annotation.values().any(|text| holds(text, part))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made_up::evaluated;

    fn kept(query: &str) -> Vec<usize> {
        let query = Query::parse(query).unwrap();
        let rows = evaluated::results(200);
        (0..rows.len()).filter(|&n| query.holds(&rows[n])).collect()
    }

    #[test]
    fn all_terms_must_hold() {
        let rows = evaluated::results(200);
        let by = |holds: &dyn Fn(&ImageResult) -> bool| -> Vec<usize> {
            (0..rows.len()).filter(|&n| holds(&rows[n])).collect()
        };
        assert_eq!(kept(""), by(&|_| true));
        let wrong = by(&|row| !row.is_right());
        assert!(!wrong.is_empty() && wrong.len() < 200);
        assert_eq!(kept("wrong"), wrong);
        assert_eq!(kept("-right"), wrong);
        assert_eq!(kept("GOLD:fe"), by(&|row| row.gold == "fear"));
        assert_eq!((kept("gold=fear"), kept("gold=fe")), (kept("gold:fear"), Vec::new()));
        assert_eq!(
            kept("pred:awe conf<0.6"),
            by(&|row| row.prediction.prediction == "awe" && row.confidence() < 0.6)
        );
        assert_eq!(kept("scene:beach"), by(&|row| row.annotation[&View::Scene] == "beach"));
        assert_eq!(
            kept("beach -wrong"),
            by(&|row| row.annotation[&View::Scene] == "beach" && row.is_right())
        );
        assert_eq!(
            kept("expression:smile"),
            by(&|row| row.annotation[&View::FacialExpression] == "smile")
        );
        assert_eq!(kept("conf<60%"), kept("conf<0.6"));
        assert_eq!(
            kept("margin>=0.2 loss<=1"),
            by(&|row| row.margin() >= 0.2 && row.loss <= 1.0)
        );
    }

    #[test]
    fn a_class_that_there_is_not_is_named_with_the_nearest() {
        let labels = ["fear", "awe", "mixed feelings"].map(str::to_owned);
        let check = |query: &str| Query::parse(query).unwrap().check(&labels);
        assert_eq!(check("gold:fe pred=awe -says:mixed_f wrong"), Ok(()));
        let said = check("pred:faer").unwrap_err();
        assert!(said.contains("`faer`") && said.contains("nearest is `fear`"), "{said}");
        assert!(check("gold=fe").is_err());
        assert_eq!(Query::parse("gold:x").unwrap().check(&[]), Ok(()));
    }

    #[test]
    fn an_unknown_number_matches_no_comparison() {
        let mut row = evaluated::results(1).remove(0);
        row.loss = f64::NAN;
        for query in ["loss<1", "loss>=1"] {
            assert!(!Query::parse(query).unwrap().holds(&row), "{query}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_a_sentence() {
        for (query, said) in [
            ("mood=x", "`mood=`"),
            ("conf<x", "`x` is not a number"),
            ("size>3", "`size`"),
            ("mood:x", "`mood:`"),
            (":x", "``"),
        ] {
            let error = Query::parse(query).map(|_| ()).unwrap_err();
            assert!(error.contains(said) || said == "``" && error.contains("`:`"), "{error}");
        }
    }
}
