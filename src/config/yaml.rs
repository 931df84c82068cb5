//! YAML text as a JSON value, and the line on which a key stands.
//!
//! `serde_norway`'s values carry no positions, but its errors do. So [`line_of`] reads the text again with a visitor that
//! fails on purpose at the wanted key: the parser itself says where that is, in block and flow style alike.

use std::{cell::Cell, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Parses one YAML document; an empty one is null. A key that stands twice is an error.
pub fn parse(text: &str) -> Result<Value, serde_yaml::Error> {
    read(text, None)
}

/// The line, from 1, of the key at `path` (`train.prompt.epochs`).
pub fn line_of(text: &str, path: &str) -> Option<usize> {
    read(text, Some(path)).err()?.location().map(|location| location.line())
}

fn read(text: &str, stop_at: Option<&str>) -> Result<Value, serde_yaml::Error> {
    let room = Cell::new(4 * text.len() + 1024);
    let tree = Tree {
        path: "",
        stop_at,
        room: &room,
    };
    tree.deserialize(serde_yaml::Deserializer::from_str(text))
}

/// Builds the value that stands at `path`; fails at the key `stop_at`.
#[derive(Clone, Copy)]
struct Tree<'a> {
    path: &'a str,
    stop_at: Option<&'a str>,
    /// What values and keys may still take: one each, plus the bytes of their text. An ordinary text never uses it up; aliases
    /// can make a small one unfold to gigabytes.
    room: &'a Cell<usize>,
}

impl Tree<'_> {
    fn take_room<E: Error>(self, bytes: usize) -> Result<(), E> {
        match self.room.get().checked_sub(1 + bytes) {
            Some(left) => {
                self.room.set(left);
                Ok(())
            }
            None => Err(E::custom(
                "its aliases unfold to far more than it holds; write the values out",
            )),
        }
    }
}

/// Reads a key of the mapping at `tree.path`; the error it gives carries the key's own line.
struct KeyName<'a> {
    tree: Tree<'a>,
    seen: &'a Map<String, Value>,
}

impl<'de> DeserializeSeed<'de> for KeyName<'_> {
    /// The key and its path.
    type Value = (String, String);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for KeyName<'_> {
    type Value = (String, String);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key, which is a text")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        self.tree.take_room(key.len())?;
        let path = if self.tree.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.tree.path)
        };
        if self.tree.stop_at == Some(&path) {
            return Err(E::custom("the wanted key"));
        }
        if self.seen.contains_key(key) {
            return Err(E::custom("the same key stands here a second time"));
        }
        Ok((key.to_owned(), path))
    }
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping, a list, a text, a number, true, false or null")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        self.take_room(0)?;
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        self.take_room(0)?;
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        self.take_room(0)?;
        Ok(value.into())
    }

    /// JSON has no infinity and no NaN; as texts they are shown in the message that refuses them.
    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        self.take_room(0)?;
        Ok(Number::from_f64(value).map_or_else(|| value.to_string().into(), Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.take_room(value.len())?;
        Ok(value.into())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        self.take_room(0)?;
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        self.take_room(0)?;
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        self.take_room(0)?;
        let mut list = Vec::new();
        // Nothing within a list is a key that could be wanted.
        while let Some(item) = items.next_element_seed(Tree { stop_at: None, ..self })? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        self.take_room(0)?;
        let mut map = Map::new();
        while let Some((key, path)) = entries.next_key_seed(KeyName { tree: self, seen: &map })? {
            let value = entries.next_value_seed(Tree { path: &path, ..self })?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn block_and_flow_style_give_the_same_value_and_every_key_its_line() {
        let text = "# a comment\ntrain:\n  seed: 1\n\n  prompt: { epochs: 2,\n    seed: 1e-5 }\ntest:\n";
        let expected = json!({"train": {"seed": 1, "prompt": {"epochs": 2, "seed": 1e-5}}, "test": null});
        assert_eq!(parse(text).ok(), Some(expected));
        let lines = [
            "train",
            "train.seed",
            "train.prompt.epochs",
            "train.prompt.seed",
            "test",
            "seed",
        ];
        assert_eq!(
            lines.map(|path| line_of(text, path)),
            [Some(2), Some(3), Some(5), Some(6), Some(7), None]
        );
    }

    #[test]
    fn an_empty_text_is_null() {
        assert_eq!(parse("").ok(), Some(Value::Null));
        assert_eq!(parse("# nothing\n").ok(), Some(Value::Null));
    }

    #[test]
    fn a_key_that_stands_twice_is_an_error_on_its_second_line() {
        let error = parse("train:\n  seed: 1\n  epochs: 2\n  seed: 2\n").unwrap_err();
        assert_eq!(error.location().map(|location| location.line()), Some(4));
    }
}
