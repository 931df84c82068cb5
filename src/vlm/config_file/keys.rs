//! Looks up keys that may be in several places and under several names; `null` counts as missing.

use std::cell::RefCell;

use serde_json::{Map, Value};

use crate::printable::printable;

/// The upper limit of every size, so that sums and products of a few of them do not overflow.
const LARGEST: u64 = 1 << 24;

/// The objects that may hold a model's keys, in order of precedence.
pub struct Keys<'a> {
    /// Each object with its own key in the file; the top level has an empty key.
    places: Vec<(&'static str, &'a Map<String, Value>)>,
    left_out: RefCell<Vec<&'static str>>,
}

/// An object of keys, with its path in the file.
pub type Part<'a> = (String, &'a Map<String, Value>);

/// A value with its path, such as `text_config.hidden_size`.
struct Found<'a> {
    key: String,
    value: &'a Value,
}

impl Found<'_> {
    fn is_no(&self, kind: &str) -> String {
        format!("`{}` is {}, and should be {kind}", self.key, shown(self.value))
    }
}

impl<'a> Keys<'a> {
    /// The objects under `names` in `root` that exist; an empty name stands for `root` itself.
    #[must_use]
    pub fn new(root: &'a Map<String, Value>, names: &[&'static str]) -> Self {
        let place = |&name: &&'static str| match name {
            "" => Some(("", root)),
            name => Some((name, root.get(name)?.as_object()?)),
        };
        Self {
            places: names.iter().filter_map(place).collect(),
            left_out: RefCell::default(),
        }
    }

    /// Only the object under `name` of `root`; no keys if it is missing.
    ///
    /// # Errors
    /// A message if the value is not an object.
    pub fn of_part(root: &'a Map<String, Value>, name: &'static str) -> Result<Self, String> {
        match root.get(name) {
            None | Some(Value::Null | Value::Object(_)) => Ok(Self::new(root, &[name])),
            Some(_) => Err(format!("`{name}` is not an object")),
        }
    }

    /// An integer of at least 1; `default` if the key is missing.
    ///
    /// # Errors
    /// A message for any other value, or for a missing key without a default.
    pub fn size(&self, names: &[&'static str], default: Option<usize>) -> Result<usize, String> {
        let Some(found) = self.all(names).next() else {
            return self.default(names, default);
        };
        let whole = |number: f64| (number.fract() == 0.0 && (0.0..1e15).contains(&number)).then_some(number as u64);
        let size = found.value.as_u64().or_else(|| found.value.as_f64().and_then(whole));
        match size {
            None => Err(found.is_no("a whole number")),
            Some(0) => Err(format!("`{}` is 0", found.key)),
            Some(size) if size > LARGEST => Err(format!("`{}` is {size}; no model is that large", found.key)),
            Some(size) => Ok(size as usize),
        }
    }

    /// An integer from 1 to `most`.
    ///
    /// # Errors
    /// A sentence for another value.
    pub fn size_up_to(&self, most: usize, names: &[&'static str], default: usize) -> Result<usize, String> {
        let size = self.size(names, Some(default))?;
        match self.all(names).next() {
            Some(found) if size > most => Err(format!("`{}` is {size}, and should be at most {most}", found.key)),
            _ => Ok(size),
        }
    }

    /// Integers of at least 0, such as the indices of some blocks.
    ///
    /// # Errors
    /// A sentence for another value.
    pub fn indices(&self, name: &'static str, default: &[usize]) -> Result<Vec<usize>, String> {
        let Some(found) = self.all(&[name]).next() else {
            return self.default(&[name], Some(default.to_vec()));
        };
        let index = |value: &Value| {
            value
                .as_u64()
                .filter(|&index| index < LARGEST)
                .map(|index| index as usize)
        };
        let indices = found
            .value
            .as_array()
            .and_then(|values| values.iter().map(index).collect());
        indices.ok_or_else(|| found.is_no("a list of whole numbers"))
    }

    /// A number above `above` and at most `most`. All places that state it must agree, because the weights cannot tell
    /// which one is right.
    ///
    /// # Errors
    /// A sentence for other values, or for places that do not agree.
    pub fn number(&self, name: &'static str, (above, most): (f64, f64), default: f64) -> Result<f64, String> {
        let Some(found) = self.agreed(name)? else {
            return self.default(&[name], Some(default));
        };
        let range = |number: &f64| *number > above && *number <= most;
        let kind = format!("a number above {above} and at most {most:e}");
        found.value.as_f64().filter(range).ok_or_else(|| found.is_no(&kind))
    }

    /// A text. All places that state it must agree.
    ///
    /// # Errors
    /// A sentence for another kind of value, or for places that do not agree.
    pub fn text(&self, name: &'static str) -> Result<Option<&'a str>, String> {
        let Some(found) = self.agreed(name)? else {
            return Ok(None);
        };
        found.value.as_str().map(Some).ok_or_else(|| found.is_no("a text"))
    }

    /// Checks that a text, if stated, is one of the supported values `known`.
    ///
    /// # Errors
    /// A sentence for another text, or for places that do not agree.
    pub fn computed_as(&self, name: &'static str, known: &[&str]) -> Result<(), String> {
        match self.text(name)? {
            Some(found) if !known.contains(&found) => Err(format!(
                "`{name}` is {}, but only `{}` is supported",
                printable(&found.chars().take(40).collect::<String>()),
                known.first().copied().unwrap_or_default()
            )),
            _ => Ok(()),
        }
    }

    /// The number of channels of a tower's pictures. Versions of transformers use either of two names for it.
    ///
    /// # Errors
    /// A message if both names are stated with different values, or if there are not 3 channels.
    pub fn channels(&self) -> Result<usize, String> {
        let place = self.places.first().map_or("", |(name, _)| name);
        let (channels, chans) = (
            self.size(&["in_channels"], Some(3))?,
            self.size(&["in_chans"], Some(3))?,
        );
        if channels != chans {
            return Err(format!(
                "`{place}.in_channels` is {channels} and `{place}.in_chans` {chans}; correct the one that is wrong"
            ));
        }
        if channels != 3 {
            return Err(format!("`{place}.in_chans` is not 3, and pictures have 3 channels"));
        }
        Ok(channels)
    }

    /// The values of a switch in all places that state it, in order of precedence.
    ///
    /// # Errors
    /// A sentence for another kind of value.
    pub fn switches(&self, name: &'static str) -> Result<Vec<bool>, String> {
        self.all(&[name])
            .map(|found| found.value.as_bool().ok_or_else(|| found.is_no("true or false")))
            .collect()
    }

    /// Whether the first place that has the key says `null`. Needed for keys where `null` has a meaning of its own,
    /// because transformers uses another value if the key is missing.
    #[must_use]
    pub fn is_null(&self, name: &str) -> bool {
        let first = self.places.iter().find_map(|(_, keys)| keys.get(name));
        first.is_some_and(Value::is_null)
    }

    /// The value from the first place that states it.
    #[must_use]
    pub fn value(&self, name: &'static str) -> Option<&'a Value> {
        self.all(&[name]).next().map(|found| found.value)
    }

    /// The objects under this name in all places, with their paths.
    ///
    /// # Errors
    /// A sentence for another kind of value.
    pub fn objects(&self, name: &'static str) -> Result<Vec<Part<'a>>, String> {
        self.all(&[name])
            .map(|found| match found.value.as_object() {
                Some(object) => Ok((found.key, object)),
                None => Err(found.is_no("an object of keys")),
            })
            .collect()
    }

    /// The missing keys for which a default was used.
    #[must_use]
    pub fn left_out(self) -> Vec<&'static str> {
        self.left_out.into_inner()
    }

    fn agreed(&self, name: &'static str) -> Result<Option<Found<'a>>, String> {
        let mut all = self.all(&[name]);
        let Some(first) = all.next() else { return Ok(None) };
        let same = |value: &Value| match (value.as_f64(), first.value.as_f64()) {
            (Some(a), Some(b)) => a.total_cmp(&b).is_eq(),
            _ => value == first.value,
        };
        match all.find(|other| !same(other.value)) {
            Some(other) => Err(format!(
                "`{}` is {} and `{}` is {}; correct the one that is wrong",
                first.key,
                shown(first.value),
                other.key,
                shown(other.value)
            )),
            None => Ok(Some(first)),
        }
    }

    fn all(&self, names: &[&'static str]) -> impl Iterator<Item = Found<'a>> + use<'a> {
        let found = |&(place, keys): &(&str, &'a Map<String, Value>)| {
            let of_name = |name: &&'static str| {
                let value = keys.get(*name).filter(|value| !value.is_null())?;
                let key = if place.is_empty() {
                    (*name).to_owned()
                } else {
                    format!("{place}.{name}")
                };
                Some(Found { key, value })
            };
            names.iter().filter_map(of_name).collect::<Vec<_>>()
        };
        self.places.iter().flat_map(found).collect::<Vec<_>>().into_iter()
    }

    fn default<T>(&self, names: &[&'static str], default: Option<T>) -> Result<T, String> {
        let name = names.first().copied().unwrap_or_default();
        let default = default.ok_or_else(|| format!("`{name}` is missing"))?;
        self.left_out.borrow_mut().push(name);
        Ok(default)
    }
}

/// A value as it appears in an error message: short, and without control characters.
pub(super) fn shown(value: &Value) -> String {
    let text = value.to_string();
    let text = printable(&text);
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{} ...", &text[..end]),
        None => text.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::Keys;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn the_preferred_place_comes_first_and_null_counts_as_missing() {
        let root = object(json!({"a": 1, "b": 2.0, "c": null, "text_config": {"a": 3, "b": null, "d": 4}}));
        let keys = Keys::new(&root, &["text_config", "", "not there"]);
        let size = |name| keys.size(&[name], Some(9)).unwrap();
        assert_eq!([size("a"), size("b"), size("c"), size("d")], [3, 2, 9, 4]);
        assert_eq!(keys.size(&["x", "d"], None).unwrap(), 4);
        assert!(keys.size(&["x"], None).unwrap_err().contains("`x` is missing"));
        assert_eq!(keys.left_out(), ["c"]);
    }

    #[test]
    fn invalid_sizes_are_named_with_their_path() {
        let root = object(json!({"text_config": {"a": 0, "b": -1, "c": "x\u{1b}", "d": 1.5, "e": u64::MAX}}));
        let keys = Keys::new(&root, &["text_config"]);
        let bounded = object(json!({"b": 17, "text_config": {"a": 16}}));
        let bounded = Keys::new(&bounded, &["text_config", ""]);
        let size = |name| bounded.size_up_to(16, &[name], 2);
        assert_eq!((size("a"), size("c")), (Ok(16), Ok(2)));
        assert_eq!(size("b").unwrap_err(), "`b` is 17, and should be at most 16");
        for (name, said) in [
            ("a", "`text_config.a` is 0"),
            ("b", "`text_config.b` is -1"),
            ("c", "x\\u001b"),
            ("d", "1.5, and should be a whole number"),
            ("e", "no model is that large"),
        ] {
            let error = keys.size(&[name], None).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn numbers_that_weights_cannot_confirm_must_agree_and_be_in_range() {
        let root = object(json!({"a": 1, "b": 2, "c": "x", "text_config": {"a": 1.0, "b": 3, "c": "y"}}));
        let keys = Keys::new(&root, &["text_config", ""]);
        assert_eq!(keys.number("a", (0.0, 5.0), 9.0).unwrap().to_bits(), 1f64.to_bits());
        assert!(keys.number("a", (1.0, 5.0), 9.0).unwrap_err().contains("above 1"));
        let error = keys.number("b", (0.0, 5.0), 9.0).unwrap_err();
        assert!(error.contains("`text_config.b` is 3 and `b` is 2"), "{error}");
        assert!(keys.text("c").unwrap_err().contains("correct the one"));
    }
}
