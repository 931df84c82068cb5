//! Annotation files in EmoSet's keys, and what MASP answers with them.

use std::path::Path;

use serde_json::{Map, Value};

use super::{Annotation, View, control_token::control_token, text};
use crate::{bounded_file::read_bounded, printable::printable};

/// No annotation is longer; EmoSet's have a few hundred bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

impl Annotation {
    /// The answer to an aspect's question: lower case, underscores as spaces, lists joined by `, `, numbers in words.
    /// `None` where the annotation does not mention the aspect.
    #[must_use]
    pub fn text(&self, view: View) -> Option<String> {
        let said = match view {
            View::FacialExpression => phrase(self.facial_expression.as_deref()?),
            View::Object => {
                let objects: Vec<String> = self.object.iter().map(|name| phrase(name)).collect();
                objects.join(", ")
            }
            View::Scene => phrase(self.scene.as_deref()?),
            View::HumanAction => phrase(self.human_action.as_deref()?),
            View::Brightness => level(self.brightness?).to_owned(),
            View::Colorfulness => level(self.colorfulness?).to_owned(),
        };
        (!said.is_empty()).then_some(said)
    }
}

fn phrase(raw: &str) -> String {
    raw.replace('_', " ").trim().to_lowercase()
}

/// The word for a share: five equal steps, each with its lower bound.
fn level(share: f32) -> &'static str {
    match share {
        share if share < 0.2 => "very low",
        share if share < 0.4 => "low",
        share if share < 0.6 => "moderate",
        share if share < 0.8 => "high",
        _ => "very high",
    }
}

/// An annotation file as read.
#[derive(Debug, Default, PartialEq)]
pub(super) struct AnnotationFile {
    pub annotation: Annotation,
    /// The label that the file itself names.
    pub emotion: Option<String>,
    /// Fields that were left out, and why.
    pub problems: Vec<String>,
}

/// Reads one file leniently: unknown keys are ignored, a field of another kind is left out and named, text may stand
/// where a list is expected and the reverse.
pub(super) fn read(path: &Path) -> Result<AnnotationFile, String> {
    let bytes = read_bounded(path, MAX_FILE_BYTES).map_err(|error| error.to_string())?;
    let object: Map<String, Value> = serde_json::from_str(&text::decode(bytes)).map_err(|error| error.to_string())?;
    Ok(from_json(&object))
}

fn from_json(object: &Map<String, Value>) -> AnnotationFile {
    let mut problems = Vec::new();
    let mut texts = |key: &str| match object.get(key) {
        None => Vec::new(),
        Some(value) => {
            let texts = texts(value).ok_or_else(|| format!("`{key}` is neither a string nor a list of strings"));
            texts
                .and_then(|texts| without_tokens(key, texts))
                .unwrap_or_else(|reason| {
                    problems.push(reason);
                    Vec::new()
                })
        }
    };
    let joined = |parts: Vec<String>| (!parts.is_empty()).then(|| parts.join(", "));
    let facial_expression = joined(texts("facial_expression"));
    let list = texts("object");
    let scene = joined(texts("scene"));
    let human_action = joined(texts("human_action"));
    let emotion = joined(texts("emotion"));

    let mut share = |key: &str| match object.get(key) {
        None | Some(Value::Null) => None,
        Some(value) => share(value).or_else(|| {
            problems.push(format!("`{key}` is not a number from 0 to 1"));
            None
        }),
    };
    let (brightness, colorfulness) = (share("brightness"), share("colorfulness"));
    AnnotationFile {
        annotation: Annotation {
            facial_expression,
            object: list,
            scene,
            human_action,
            brightness,
            colorfulness,
        },
        emotion,
        problems,
    }
}

/// The texts that are not empty; control characters become spaces. `None` for another kind of value.
fn texts(value: &Value) -> Option<Vec<String>> {
    let one = |text: &str| {
        let text = text.replace(char::is_control, " ").trim().to_owned();
        (!text.is_empty()).then_some(text)
    };
    match value {
        Value::Null => Some(Vec::new()),
        Value::String(text) => Some(one(text).into_iter().collect()),
        Value::Array(items) => items
            .iter()
            .filter(|item| !item.is_null())
            .map(|item| item.as_str().map(one))
            .collect::<Option<Vec<_>>>()
            .map(|texts| texts.into_iter().flatten().collect()),
        _ => None,
    }
}

fn without_tokens(key: &str, texts: Vec<String>) -> Result<Vec<String>, String> {
    match texts.iter().find_map(|text| control_token(text)) {
        Some(token) => Err(format!(
            "`{key}` holds `{}`, a control token of the model",
            printable(token)
        )),
        None => Ok(texts),
    }
}

fn share(value: &Value) -> Option<f32> {
    let number = match value {
        Value::String(text) => text.trim().parse().ok()?,
        number => number.as_f64()?,
    };
    (0.0..=1.0).contains(&number).then_some(number as f32)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn parse(text: &str) -> AnnotationFile {
        from_json(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn answers_are_worded_as_in_the_reference() {
        let file = parse(
            r#"{"image_id": "x", "emotion": "awe", "brightness": 0.0, "colorfulness": 0.6, "scene": "Indoor_ice/rink",
                "facial_expression": "Angry", "human_action": "riding_bicycle ", "object": ["Human_face", "Cake"],
                "boxes": [1, 2]}"#,
        );
        let texts = View::ALL.map(|view| file.annotation.text(view).unwrap());
        assert_eq!(
            texts,
            [
                "angry",
                "human face, cake",
                "indoor ice/rink",
                "riding bicycle",
                "very low",
                "high"
            ]
        );
        assert_eq!((file.emotion.as_deref(), file.problems.len()), (Some("awe"), 0));
    }

    #[test]
    fn levels_have_five_words() {
        let words = [0.0, 0.19, 0.2, 0.39, 0.4, 0.5, 0.6, 0.79, 0.8, 1.0].map(level);
        let (low, high) = (
            ["very low", "very low", "low", "low", "moderate"],
            ["moderate", "high", "high"],
        );
        assert_eq!(words[..5], low);
        assert_eq!(words[5..8], high);
        assert_eq!(words[8..], ["very high"; 2]);
    }

    #[test]
    fn field_types_may_vary_but_bad_values_are_reported() {
        let file = parse(r#"{"object": "Dog", "scene": ["beach", "pier"], "brightness": "0.5", "colorfulness": null}"#);
        assert_eq!(file.annotation.object, ["Dog"]);
        assert_eq!(file.annotation.text(View::Scene).unwrap(), "beach, pier");
        assert_eq!(file.annotation.brightness, Some(0.5));
        assert_eq!((file.annotation.colorfulness, file.problems.len()), (None, 0));

        let file = parse(
            r#"{"object": [" ", null], "scene": 3, "brightness": 1.5, "colorfulness": "much", "human_action": "a\u001bb"}"#,
        );
        assert_eq!(file.problems.len(), 3, "{:?}", file.problems);
        assert_eq!(file.annotation.text(View::Object), None);
        assert_eq!(file.annotation.text(View::Scene), None);
        assert_eq!(file.annotation.text(View::HumanAction).unwrap(), "a b");

        let file = parse(r#"{"object": ["dog", "cat<|im_end|>"], "scene": "sea <|", "emotion": "awe"}"#);
        assert_eq!(file.annotation.text(View::Object), None);
        assert_eq!(file.annotation.text(View::Scene).unwrap(), "sea <|");
        assert!(
            matches!(&file.problems[..], [one] if one.contains("control token")),
            "{:?}",
            file.problems
        );
    }

    #[test]
    fn a_file_of_another_kind_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        for text in ["", "[1]", "{\"a\":"] {
            fs::write(&path, text).unwrap();
            assert!(read(&path).is_err(), "{text}");
        }
        assert!(read(folder.path()).is_err());
        fs::write(&path, b"\xEF\xBB\xBF{\"scene\": \"sea\"}").unwrap();
        assert_eq!(read(&path).unwrap().annotation.scene.as_deref(), Some("sea"));
    }
}
