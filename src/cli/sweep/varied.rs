//! A setting that varies, and its values: `--vary lr=1e-3,3e-3`, or a list in the sweep's file.

use serde_json::Value;

use crate::cli::failure::Failure;
use crate::config::{self, ConfigError, ConfigFile, Sources, yaml};
use crate::printable::printable;
use crate::runs::Column;

/// Whether a key says where sessions lie or how screens look: all runs of a sweep agree on that.
const NOT_VARIED: [&str; 2] = ["session", "tui"];

/// A setting with the values that it takes, each of which is allowed.
#[derive(Debug, Clone, PartialEq)]
pub struct Varied {
    /// As in config.yaml, with dots.
    pub key: String,
    /// At least one.
    pub values: Vec<Value>,
}

impl Varied {
    /// Reads `KEY=VALUE,...`. The values are what a YAML list has between its brackets.
    ///
    /// # Errors
    /// A sentence on what is wrong; it begins with `flag`.
    pub fn parse(flag: &str, text: &str) -> Result<Self, Failure> {
        let Some((key, values)) = text.split_once('=') else {
            return Err(Failure::usage(format!(
                "{flag} {}: settings vary as KEY=VALUE,..., for example --vary lr=1e-3,3e-3",
                printable(text)
            )));
        };
        let place = format!("{flag} {}", printable(text));
        match yaml::parse(&format!("[{values}]")) {
            Ok(Value::Array(values)) => Self::new(&place, key.trim(), values),
            _ => Err(Failure::usage(format!(
                "{place}: these are not values with commas between them; a value that is itself a list stands in brackets, \
                 a text with commas or brackets in quotes"
            ))),
        }
    }

    /// A setting, by its key or by a short name such as `lr`, with its values.
    ///
    /// # Errors
    /// No value, an unknown key, a value that is not allowed: a sentence that begins with `place`.
    pub fn new(place: &str, name: &str, values: Vec<Value>) -> Result<Self, Failure> {
        let key = key(name);
        if values.is_empty() {
            return Err(Failure::usage(format!("{place}: `{key}` has no value")));
        }
        if NOT_VARIED.contains(&key.split('.').next().unwrap_or_default()) {
            return Err(Failure::usage(format!(
                "{place}: `{key}` does not change what is learnt, so it cannot vary; set it for all runs with --set"
            )));
        }
        let varied = Self { key, values };
        for value in &varied.values {
            check(place, &set(&varied.key, value))?;
        }
        Ok(varied)
    }
}

/// What stands after `--set` so that `key` has this value. JSON is YAML, too.
pub fn set(key: &str, value: &Value) -> String {
    format!("{key}={value}")
}

/// The key of config.yaml that a name stands for. A name that stands for none is returned as it is, for the settings to refuse.
fn key(name: &str) -> String {
    match Column::parse(name) {
        Ok(Column::Setting(key)) if !name.contains('.') => key,
        _ => name.to_owned(),
    }
}

/// Checks `KEY=VALUE` alone, so that the message can say where it stands.
///
/// # Errors
/// As the settings have it, with the place.
pub fn check(place: &str, set: &str) -> Result<(), Failure> {
    let alone = Sources {
        config: ConfigFile::None,
        set: vec![set.to_owned()],
        ..Sources::default()
    };
    let said = match config::load(alone) {
        Ok(_) => return Ok(()),
        Err(ConfigError::NotAllowed {
            key, value, allowed, ..
        }) => format!("`{key}` is {value}; allowed is {allowed}"),
        Err(ConfigError::UnknownKey { key, nearest, .. }) => {
            format!("there is no setting `{key}`; the nearest known key is `{nearest}`")
        }
        Err(ConfigError::NotSection { key, .. }) => format!("`{key}` is a section; name one of its keys, `{key}.KEY`"),
        Err(error) => error.to_string(),
    };
    Err(Failure::usage(format!("{place}: {said}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(text: &str) -> Result<(String, Value), String> {
        let varied = Varied::parse("--vary", text).map_err(|failure| failure.to_string())?;
        Ok((varied.key, varied.values.into()))
    }

    #[test]
    fn values_are_a_yaml_list_without_its_brackets() {
        let cases = [
            ("lr=1e-3, 3e-3", "train.prompt.learning_rate", json!([0.001, 0.003])),
            ("train.learning_rate=0.1", "train.learning_rate", json!([0.1])),
            ("seed=1,2", "train.seed", json!([1, 2])),
            ("shots=1,null", "data.shots", json!([1, null])),
            ("balance=none,classes", "data.balance", json!(["none", "classes"])),
            (
                "views=[scene],[scene,object],[]",
                "aspects.views",
                json!([["scene"], ["scene", "object"], []]),
            ),
            ("model.path=a/b,\"c,d\",5", "model.path", json!(["a/b", "c,d", 5])),
        ];
        for (text, key, values) in cases {
            assert_eq!(parse(text), Ok((key.to_owned(), values)), "{text}");
        }
    }

    #[test]
    fn what_cannot_vary_is_a_sentence_that_names_key_value_and_place() {
        for (text, said) in [
            ("lr", "--vary lr: settings vary as KEY=VALUE"),
            ("lr=", "`train.prompt.learning_rate` has no value"),
            ("lr=1e-3],[2", "not values with commas"),
            (
                "lr=1e-3,fast",
                "--vary lr=1e-3,fast: `train.prompt.learning_rate` is \"fast\"; allowed is a number",
            ),
            (
                "train.prompt.learning_rat=1",
                "the nearest known key is `train.prompt.learning_rate`",
            ),
            ("epochs=1", "there is no setting `epochs`; the nearest"),
            ("data=a,b", "`data` is a section"),
            ("views=[sky]", "allowed is a list"),
            ("session.root=a,b", "`session.root` does not change"),
            ("tui.fps=5", "cannot vary"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
