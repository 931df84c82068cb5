//! Layers merged into settings, each key with the source that gave it.

use indexmap::IndexMap;
use serde_json::Value;

use super::{
    ConfigError, Settings, aliases,
    error::shown,
    layers::{Layer, Leaf},
    schema,
};
use crate::keymap::{Action, Clash, Keymap};

/// The keys that layers gave, with what each came from.
type Given<'a> = IndexMap<String, Leaf<'a>>;

/// What [`load`](super::load) gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    pub settings: Settings,
    /// One line each: what was asked for and cannot be honoured, and what is done instead.
    pub notices: Vec<String>,
}

/// Merges layers, the weakest first, over the defaults.
pub(super) fn merge(layers: &[Layer]) -> Result<Loaded, ConfigError> {
    let defaults = serde_json::to_value(Settings::default()).map_err(ConfigError::Inconsistent)?;
    let mut tree = defaults.clone();
    let mut given = Given::new();
    for layer in layers {
        let mut leaves = layer.leaves()?;
        if layer.unasked {
            // The shipped config.yaml lists every default. Lying in the current folder it must not undo what a session
            // was made with, nor how a user's screens look; a default that is wanted back is named by --config, --set or
            // a flag.
            let before = |of_screens| given.keys().any(|key| is_of_screens(key) == of_screens);
            let before = (before(true), before(false));
            let may_undo = |key: &str| if is_of_screens(key) { before.0 } else { before.1 };
            let is_default = |leaf: &Leaf| get(&defaults, &leaf.key).is_some_and(|default| same(default, &leaf.value));
            leaves.retain(|leaf| !(may_undo(&leaf.key) && is_default(leaf)));
        }
        let leaves = aliases::resolve(leaves, get(&tree, "model.dtype"))?;
        // A key of `train:` in this layer beats a single stage's override of it in a weaker layer.
        for stale in leaves.iter().flat_map(|leaf| overrides_of(&leaf.key)) {
            remove(&mut tree, &stale);
            given.shift_remove(&stale);
        }
        for leaf in leaves {
            if leaf.key != schema::UNUSED_COLUMNS {
                put(&mut tree, &leaf.key, leaf.value.clone());
            }
            // Removing first moves the key to the end: its last source counts.
            given.shift_remove(&leaf.key);
            given.insert(leaf.key.clone(), leaf);
        }
    }
    check_pixels(&given)?;
    let settings: Settings = serde_json::from_value(tree).map_err(ConfigError::Inconsistent)?;
    let notices = given.values().filter_map(|leaf| leaf.notice.clone()).collect();
    check_keys(&settings, &given)?;
    Ok(Loaded { settings, notices })
}

/// Equal, and 1 is 1.0.
fn same(a: &Value, b: &Value) -> bool {
    a == b || a.as_f64().is_some_and(|a| b.as_f64() == Some(a))
}

/// The stages' overrides of a key of `train:`.
fn overrides_of(key: &str) -> Vec<String> {
    match key.strip_prefix("train.") {
        Some(name) if !name.contains('.') => schema::STAGES.iter().map(|stage| format!("{stage}.{name}")).collect(),
        _ => Vec::new(),
    }
}

/// Each bound may be right by itself. Where they cross, the error names both places.
fn check_pixels(given: &Given) -> Result<(), ConfigError> {
    let bound = |key: &str| given.get(key).and_then(|leaf| Some((leaf, leaf.value.as_u64()?)));
    match (bound("model.min_pixels"), bound("model.max_pixels")) {
        (Some((min, least)), Some((max, most))) if least > most => Err(ConfigError::NotAllowed {
            at: max.place(),
            key: max.written.clone(),
            value: shown(&max.value),
            allowed: format!(
                "a number of at least `{}`, which is {least} ({})",
                min.written,
                min.place()
            ),
        }),
        _ => Ok(()),
    }
}

/// Each key may be right by itself. Where two actions share one, the error names the place that was given last.
fn check_keys(settings: &Settings, given: &Given) -> Result<(), ConfigError> {
    let Err(Clash { key, screen, actions }) = Keymap::changed(&settings.tui.keys) else {
        return Ok(());
    };
    let changed = |action: Action| given.get_full(&format!("{}.{}", schema::ACTIONS, action.name()));
    let [a, b] = actions;
    let (leaf, other) = match (changed(a), changed(b)) {
        (Some((at, _, leaf)), other) if other.is_none_or(|(later, ..)| later < at) => (leaf, b),
        (_, Some((.., leaf))) => (leaf, a),
        // Neither action was given another key, and the default keys do not clash.
        _ => return Ok(()),
    };
    Err(ConfigError::KeyTaken {
        at: leaf.place(),
        key: leaf.written.clone(),
        pressed: key.name(),
        other: other.name(),
        screen,
    })
}

/// Whether a key says how the screens look.
fn is_of_screens(key: &str) -> bool {
    key.starts_with("tui.")
}

fn get<'t>(tree: &'t Value, key: &str) -> Option<&'t Value> {
    key.split('.').try_fold(tree, |tree, part| tree.get(part))
}

fn put(tree: &mut Value, key: &str, value: Value) {
    let place = key.split('.').try_fold(tree, |tree, part| {
        tree.as_object_mut()
            .map(|section| section.entry(part).or_insert(Value::Null))
    });
    if let Some(place) = place {
        *place = value;
    }
}

fn remove(tree: &mut Value, key: &str) {
    let Some((section, name)) = key.rsplit_once('.') else {
        return;
    };
    let section = section.split('.').try_fold(tree, |tree, part| tree.get_mut(part));
    if let Some(section) = section.and_then(Value::as_object_mut) {
        section.shift_remove(name);
    }
}
