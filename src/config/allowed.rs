//! The values that a key may take.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::{data::View, keymap::Key as Pressed, theme::Paint};

/// A key's values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Allowed {
    Switch,
    /// A whole number in the closed range.
    Count(u64, u64),
    /// A number above 0, at most this.
    Positive(f64),
    /// A number from 0 to this.
    NotNegative(f64),
    /// A number in `[0, 1]`.
    Share,
    /// A number in `[0, 1)`.
    ShareBelowOne,
    /// A number in `(0, 1]`.
    ShareAboveZero,
    OneOf(&'static [&'static str]),
    Text,
    /// A file or folder; relative to the config file that names it.
    Path,
    /// A folder in Hugging Face layout, or a hub id.
    Model,
    Views,
    /// A key of the keyboard, or a list of them.
    Keys,
    Color,
}

/// A key that a source may have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Key {
    pub allowed: Allowed,
    /// Whether it may be null.
    pub optional: bool,
}

/// No bound: nothing grows with the number.
pub(super) const MANY: u64 = u64::MAX;
/// More samples than any device holds at once.
pub(super) const BATCH: u64 = 1 << 16;
/// More steps and epochs than a life has time for; products of two of them are still 64 bits.
pub(super) const STEPS: u64 = 1_000_000_000;

impl Key {
    /// A key that may be null if its default is.
    pub fn new(default: &impl Serialize, allowed: Allowed) -> Self {
        let optional = serde_json::to_value(default).is_ok_and(|default| default.is_null());
        Self { allowed, optional }
    }

    pub fn accepts(&self, value: &Value) -> bool {
        (self.optional && value.is_null()) || self.allowed.accepts(value)
    }

    /// Whether an older program may have recorded the value in a session: it had no upper bounds.
    pub fn was_accepted(&self, value: &Value) -> bool {
        let unbounded = match self.allowed {
            Allowed::Count(least, _) => Allowed::Count(least, MANY),
            Allowed::Positive(_) => Allowed::Positive(f64::MAX),
            Allowed::NotNegative(_) => Allowed::NotNegative(f64::MAX),
            other => other,
        };
        self.accepts(value) || unbounded.accepts(value)
    }
}

impl Allowed {
    /// Whether the text after `--set KEY=` is taken literally, even if YAML would read it as a number.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Path | Self::Model)
    }

    /// A value that is accepted, as the settings have it: keys are a list of names, a colour is a name, be it a number in
    /// YAML or not.
    pub fn canonical(self, value: &Value) -> Value {
        let name = |value: &Value| name_of(value).map_or(Value::Null, Value::String);
        match self {
            Self::Keys => as_list(value).iter().map(name).collect(),
            Self::Color => name(value),
            _ => value.clone(),
        }
    }

    fn accepts(self, value: &Value) -> bool {
        let number = value.as_f64();
        match self {
            Self::Switch => value.is_boolean(),
            Self::Count(least, most) => value.as_u64().is_some_and(|count| (least..=most).contains(&count)),
            Self::Positive(most) => number.is_some_and(|number| number > 0.0 && number <= most),
            Self::NotNegative(most) => number.is_some_and(|number| (0.0..=most).contains(&number)),
            Self::Share => number.is_some_and(|number| (0.0..=1.0).contains(&number)),
            Self::ShareBelowOne => number.is_some_and(|number| (0.0..1.0).contains(&number)),
            Self::ShareAboveZero => number.is_some_and(|number| number > 0.0 && number <= 1.0),
            Self::OneOf(names) => value.as_str().is_some_and(|name| names.contains(&name)),
            Self::Text | Self::Path | Self::Model => value.as_str().is_some_and(|text| !text.trim().is_empty()),
            Self::Views => value.as_array().is_some_and(|names| are_views(names)),
            Self::Keys => {
                let is_key = |value: &Value| name_of(value).is_some_and(|name| Pressed::named(&name).is_some());
                let keys = as_list(value);
                !keys.is_empty() && keys.iter().all(is_key)
            }
            Self::Color => name_of(value).is_some_and(|name| Paint::named(&name).is_some()),
        }
    }
}

/// A list's values; any other value is a list of its own.
fn as_list(value: &Value) -> &[Value] {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)
}

/// A name, which in YAML may look like a number: the key `5`, the colour 208.
fn name_of(value: &Value) -> Option<String> {
    match value {
        Value::String(name) => Some(name.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Not empty, each a view's name, none twice.
fn are_views(names: &[Value]) -> bool {
    let views: Vec<View> = names
        .iter()
        .filter_map(Value::as_str)
        .filter_map(|name| name.parse().ok())
        .collect();
    let twice = views
        .iter()
        .enumerate()
        .any(|(at, view)| views.iter().skip(at + 1).any(|other| other == view));
    views.len() == names.len() && !twice
}

/// What is allowed, as the end of a sentence.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.allowed, if self.optional { ", or null" } else { "" })
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Switch => f.write_str("true or false"),
            Self::Count(least, MANY) => write!(f, "a whole number of at least {least}"),
            Self::Count(least, most) => write!(f, "a whole number from {least} to {most}"),
            Self::Positive(most) => write!(f, "a number above 0, at most {most}"),
            Self::NotNegative(most) => write!(f, "a number from 0 to {most}"),
            Self::Share => f.write_str("a number from 0 to 1"),
            Self::ShareBelowOne => f.write_str("a number from 0 to below 1"),
            Self::ShareAboveZero => f.write_str("a number above 0, at most 1"),
            Self::OneOf(names) => write!(f, "one of {}", names.join(", ")),
            Self::Text => f.write_str("a text that is not empty"),
            Self::Path => f.write_str("a path"),
            Self::Model => f.write_str("a model folder or a hub id"),
            Self::Views => {
                let names = View::ALL.map(View::name).join(", ");
                write!(
                    f,
                    "a list that names no view twice, of {names}; [] for a prompt without aspects"
                )
            }
            Self::Keys => f.write_str("a key or a list of keys, such as p, \"/\", space, pgup, f5, ctrl-p, alt-p"),
            Self::Color => {
                f.write_str("a colour: \"#rrggbb\", a name such as cyan or light-blue, or a number up to 255")
            }
        }
    }
}
