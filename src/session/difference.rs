//! What differs between two sets of settings.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use indexmap::{IndexMap, IndexSet};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::config::Settings;

/// Keys whose values are files or folders (a model may be a hub's id, too).
const PATHS: [&str; 5] = [
    "model.path",
    "data.root",
    "data.prompts",
    "data.aspect_prompts",
    "data.cache_dir",
];

/// A key with its two values; null where a value is not set, or not known because the run is older than the key.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// As in config.yaml, with dots.
    pub key: String,
    pub a: Value,
    pub b: Value,
}

impl Difference {
    /// The two values as a person reads them: a dash for what is not set or not known.
    #[must_use]
    pub fn shown(&self) -> [String; 2] {
        [&self.a, &self.b].map(|value| match value {
            Value::Null => "–".to_owned(),
            value => value.to_string(),
        })
    }
}

/// The keys whose values differ, in the order of `a`; a list is one value. Both are settings as a session records them. The
/// sections `session` and `tui` are left out: the session's name and place, and how it is shown, do not change what was
/// learnt. A missing key counts as its default, because a run older than the key behaved so. Two spellings of one path
/// count as equal.
#[must_use]
pub fn differences(a: &Value, b: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    let defaults = Settings::default().to_record();
    collect("", (Some(a), Some(b)), Some(&defaults), &mut found);
    found.retain(|difference| !is_of_the_session(&difference.key));
    found
}

/// All settings that [`differences`] compares, of each run, by their keys with dots, in such a form that two runs agree on a
/// key exactly if the values are equal: what is missing has its default, paths are absolute, numbers are f64. The file
/// system is asked about each path once.
#[must_use]
pub fn comparable(runs: &[&Value]) -> Vec<IndexMap<String, Value>> {
    let defaults = Settings::default().to_record();
    let mut places: HashMap<String, Value> = HashMap::new();
    let mut of = |settings: &&Value| {
        let mut flat = IndexMap::new();
        flatten("", Some(settings), Some(&defaults), &mut flat);
        flat.retain(|key, _| !is_of_the_session(key));
        for (key, value) in &mut flat {
            if let (Value::String(path), true) = (&*value, PATHS.contains(&key.as_str())) {
                let known = places.entry(path.clone());
                *value = known.or_insert_with(|| place(path).to_string_lossy().into()).clone();
            }
        }
        flat
    };
    runs.iter().map(&mut of).collect()
}

fn flatten(key: &str, value: Option<&Value>, default: Option<&Value>, flat: &mut IndexMap<String, Value>) {
    let sections = [value, default].map(|value| value.and_then(Value::as_object));
    if sections.iter().all(Option::is_none) {
        let value = match value.or(default) {
            Some(Value::Number(number)) => number.as_f64().into(),
            value => value.cloned().unwrap_or(Value::Null),
        };
        flat.insert(key.to_owned(), value);
        return;
    }
    let names: IndexSet<&String> = sections.iter().flatten().flat_map(|section| section.keys()).collect();
    for name in names {
        let inner = if key.is_empty() {
            name.clone()
        } else {
            format!("{key}.{name}")
        };
        let [value, default] = sections.map(|section| section.and_then(|section| section.get(name)));
        flatten(&inner, value, default, flat);
    }
}

/// Whether a key says where a session lies or how it is shown, which does not change what was learnt.
fn is_of_the_session(key: &str) -> bool {
    ["session", "tui"].contains(&key.split('.').next().unwrap_or_default())
}

fn collect(key: &str, (a, b): (Option<&Value>, Option<&Value>), default: Option<&Value>, found: &mut Vec<Difference>) {
    if same(key, a.or(default), b.or(default)) {
        return;
    }
    let empty = Map::new();
    let map = |value: Option<&Value>| match value {
        Some(value) => value.as_object().cloned(),
        None => Some(empty.clone()),
    };
    let is_section = a.is_some_and(Value::is_object) || b.is_some_and(Value::is_object);
    let (Some(map_a), Some(map_b), true) = (map(a), map(b), is_section) else {
        let value = |value: Option<&Value>| value.cloned().unwrap_or(Value::Null);
        found.push(Difference {
            key: key.to_owned(),
            a: value(a),
            b: value(b),
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
        let default = default.and_then(|default| default.get(name));
        collect(&inner, (map_a.get(name), map_b.get(name)), default, found);
    }
}

fn same(key: &str, a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a, b) {
        (Some(Value::Number(a)), Some(Value::Number(b))) => a == b || a.as_f64() == b.as_f64(),
        (Some(Value::String(a)), Some(Value::String(b))) if PATHS.contains(&key) => a == b || place(a) == place(b),
        (a, b) => a.unwrap_or(&Value::Null) == b.unwrap_or(&Value::Null),
    }
}

/// Where a path leads. Links are followed where the path exists; else it is made absolute from its text alone.
fn place(path: &str) -> PathBuf {
    let path = Path::new(path);
    if let Ok(place) = path.canonicalize() {
        return place;
    }
    let mut place = PathBuf::new();
    for component in std::path::absolute(path)
        .unwrap_or_else(|_| path.to_owned())
        .components()
    {
        match component {
            Component::ParentDir => _ = place.pop(),
            Component::CurDir => {}
            other => place.push(other),
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn keys(a: &Value, b: &Value) -> Vec<String> {
        differences(a, b).into_iter().map(|difference| difference.key).collect()
    }

    #[test]
    fn names_each_key_that_differs() {
        let a = json!({"train": {"seed": 1, "epochs": 2}, "aspects": {"views": ["scene", "object"]}});
        let b = json!({"train": {"seed": 3, "epochs": 2}, "aspects": {"views": ["scene"]},
            "tui": {"fps": 10}, "eval": {"panel": 97}});
        let found = differences(&a, &b);
        assert_eq!(keys(&a, &b), ["train.seed", "aspects.views", "eval.panel"]);
        assert_eq!((&found[0].b, &found[2].a), (&json!(3), &Value::Null));
        assert_eq!(found[2].shown(), ["–", "97"]);
        assert!(differences(&a, &a).is_empty());
    }

    #[test]
    fn a_key_that_a_run_did_not_know_has_its_default() {
        let now = Settings::default().to_record();
        let mut older = now.clone();
        older["data"].as_object_mut().unwrap().remove("disk_cache_mb");
        older["checkpoint"].as_object_mut().unwrap().remove("every_minutes");
        older.as_object_mut().unwrap().remove("eval");
        let [a, b] = &comparable(&[&older, &now])[..] else {
            panic!("one of them is missing")
        };
        assert_eq!(a, b);
        assert_eq!(keys(&older, &now), Vec::<String>::new());
        assert_eq!(keys(&now, &older), Vec::<String>::new());
        let mut set = now;
        set["checkpoint"]["every_minutes"] = json!(97.5);
        assert_eq!(keys(&older, &set), ["checkpoint.every_minutes"]);
        assert_eq!(differences(&older, &set)[0].shown(), ["–", "97.5"]);
        assert_eq!(
            keys(&json!({"train": {"epochs": 1}}), &json!({"train": {"epochs": 1.0}})),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_folder_is_the_same_however_it_is_written() {
        let root = |path: &str| json!({"data": {"root": path, "dataname": path}, "model": {"path": path}});
        let absolute = std::path::absolute("src").unwrap();
        let absolute = absolute.to_str().unwrap();
        for other in ["src", "./src/", "src/../src", "src/tui/.."] {
            assert_eq!(keys(&root(absolute), &root(other)), ["data.dataname"], "{other}");
        }
        // Also where it is gone.
        let gone = std::path::absolute("gone/set").unwrap();
        assert_eq!(
            keys(&root(gone.to_str().unwrap()), &root("gone/./x/../set")),
            ["data.dataname"]
        );
        let others = keys(&root("a/set"), &root("b/set"));
        assert_eq!(others, ["data.root", "data.dataname", "model.path"]);
    }
}
