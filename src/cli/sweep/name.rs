//! The names of a sweep's sessions: `rate.lr-1e-3.seed-3407`.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::runs::Column;
use crate::session::{FolderError, check_name};

/// The longest name of a session.
const LONGEST: usize = 80;
/// How many digits of a hash tell names apart that would otherwise be cut, or lose characters.
const HASH_DIGITS: usize = 8;

/// The name of the run of `sweep` in which these keys have these values. It depends on nothing else, so that the same
/// combination has the same name in a larger sweep.
///
/// # Errors
/// The sweep's name cannot begin a session's name.
pub fn session_name(sweep: &str, values: &[(&str, &Value)]) -> Result<String, FolderError> {
    check_name(sweep)?;
    let keys: Vec<&str> = values.iter().map(|(key, _)| *key).collect();
    let mut exact = true;
    let mut name = sweep.to_owned();
    for (key, value) in values {
        let written = shown(value);
        let fit = |c: char| {
            if c.is_ascii_alphanumeric() || "_.-".contains(c) {
                c
            } else {
                '-'
            }
        };
        let fitting: String = written.chars().map(fit).collect();
        exact &= fitting == written;
        name.push_str(&format!(".{}-{fitting}", short(key, &keys)));
    }
    if !exact || name.len() > LONGEST {
        let room = LONGEST - 1 - HASH_DIGITS;
        name.truncate(room);
        name.push_str(&format!("-{}", hash(values)));
    }
    check_name(&name)?;
    Ok(name)
}

/// The short name that the columns have for a key, else as much of its end as no other key of the sweep has.
fn short(key: &str, keys: &[&str]) -> String {
    let named = Column::Setting(key.to_owned());
    if !named.name().contains('.') {
        return named.name().to_owned();
    }
    let parts: Vec<&str> = key.split('.').collect();
    let ends = |other: &&&str, end: &str| **other != key && (other.ends_with(&format!(".{end}")) || **other == end);
    let mut end = String::new();
    for from in (0..parts.len()).rev() {
        end = parts[from..].join(".");
        if !keys.iter().any(|other| ends(&other, &end)) {
            break;
        }
    }
    end.replace('.', "_")
}

/// A value as a name has it: numbers in their shorter form, lists with a `-` between their items.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join("-"),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => {
                let (plain, scientific) = (float.to_string(), format!("{float:e}"));
                if scientific.len() < plain.len() {
                    scientific
                } else {
                    plain
                }
            }
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}

/// Digits that tell these values from others.
fn hash(values: &[(&str, &Value)]) -> String {
    let mut hasher = Sha256::new();
    for (key, value) in values {
        hasher.update(format!("{key}={value}\n"));
    }
    let digits: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    digits[..HASH_DIGITS].to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn name(values: &[(&str, Value)]) -> String {
        let values: Vec<_> = values.iter().map(|(key, value)| (*key, value)).collect();
        session_name("rate", &values).unwrap()
    }

    #[test]
    fn a_name_tells_what_varies() {
        let rate = "train.prompt.learning_rate";
        for (values, expected) in [
            (
                vec![(rate, json!(0.001)), ("train.seed", json!(3407))],
                "rate.lr-1e-3.seed-3407",
            ),
            (vec![(rate, json!(0.25))], "rate.lr-0.25"),
            (vec![(rate, json!(1))], "rate.lr-1"),
            (vec![("data.shots", Value::Null)], "rate.shots-null"),
            (
                vec![("aspects.views", json!(["scene", "object"]))],
                "rate.views-scene-object",
            ),
            (vec![("aspects.views", json!([]))], "rate.views-none"),
            (
                vec![("train.epochs", json!(1)), ("train.prompt.epochs", json!(2))],
                "rate.train_epochs-1.prompt_epochs-2",
            ),
        ] {
            assert_eq!(name(&values), expected);
        }
    }

    #[test]
    fn a_name_that_loses_something_has_a_hash() {
        let path = |path: &str| name(&[("model.path", json!(path))]);
        let [a, b] = ["Qwen/Qwen2-VL", "Qwen-Qwen2-VL"].map(path);
        assert!(
            a.starts_with("rate.path-Qwen-Qwen2-VL-") && b == "rate.path-Qwen-Qwen2-VL",
            "{a} {b}"
        );
        let views = |last: &str| {
            let all = [
                "brightness",
                "colorfulness",
                "scene",
                "object",
                "facial_expression",
                last,
            ];
            name(&[("aspects.views", json!(all)), ("train.seed", json!(1))])
        };
        let [a, b] = ["human_action", "human_actions"].map(views);
        assert_eq!((a.len(), b.len()), (LONGEST, LONGEST));
        assert_ne!(a, b);
        assert_eq!(path("ü"), path("ü"));
    }

    #[test]
    fn a_sweep_whose_name_cannot_be_a_sessions_is_refused() {
        assert!(session_name("a b", &[]).is_err());
        assert!(session_name(&"a".repeat(100), &[]).is_err());
    }
}
