//! What differs between two sets of settings.

use serde::Serialize;
use serde_json::Value;

/// A key with its two values.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// As in config.yaml, with dots.
    pub key: String,
    pub a: Value,
    pub b: Value,
}

/// The keys whose values differ, in the first one's order; a list is one value. Settings as a session records them, without
/// those that say nothing of what was learnt: the session's name and place, and how it is shown.
#[must_use]
pub fn differences(a: &Value, b: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    collect("", a, b, &mut found);
    found.retain(|difference| !["session", "tui"].contains(&difference.key.split('.').next().unwrap_or_default()));
    found
}

fn collect(key: &str, a: &Value, b: &Value, found: &mut Vec<Difference>) {
    if a == b {
        return;
    }
    let (Some(map_a), Some(map_b)) = (a.as_object(), b.as_object()) else {
        found.push(Difference {
            key: key.to_owned(),
            a: a.clone(),
            b: b.clone(),
        });
        return;
    };
    let only_b = map_b.keys().filter(|name| !map_a.contains_key(*name));
    for name in map_a.keys().chain(only_b) {
        let inner = if key.is_empty() {
            name.clone()
        } else {
            format!("{key}.{name}")
        };
        let value = |map: &serde_json::Map<String, Value>| map.get(name).cloned().unwrap_or(Value::Null);
        collect(&inner, &value(map_a), &value(map_b), found);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_each_key_that_differs() {
        let a = json!({"train": {"seed": 1, "epochs": 2}, "aspects": {"views": ["scene", "object"]}});
        let b = json!({"train": {"seed": 3, "epochs": 2}, "aspects": {"views": ["scene"]},
            "tui": {"fps": 10}, "eval": {"panel": 4}});
        let found = differences(&a, &b);
        let keys: Vec<_> = found.iter().map(|difference| difference.key.as_str()).collect();
        assert_eq!(keys, ["train.seed", "aspects.views", "eval"]);
        assert_eq!((&found[0].b, &found[2].a), (&json!(3), &Value::Null));
        assert!(differences(&a, &a).is_empty());
    }
}
