//! A line of the journal: an event with its number and its time.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::{Map, Value};

use super::event::Event;

/// The sequence number of a record that is in no journal: one before its first line, or one that could not be written.
pub const UNKEPT: u64 = u64::MAX;

/// A line of `journal.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Record {
    /// Counts from 0 without gaps; or [`UNKEPT`].
    pub seq: u64,
    /// Seconds since the Unix epoch.
    pub time: f64,
    #[serde(flatten)]
    pub event: Event,
}

impl Record {
    #[must_use]
    pub const fn new(seq: u64, time: f64, event: Event) -> Self {
        Self { seq, time, event }
    }

    /// Seconds by which the clock jumped since the previous record, see [`super::Log::clock_jump_s`]; 0 where it did not.
    #[must_use]
    pub fn clock_jump_s(&self) -> f64 {
        match &self.event {
            Event::Log(log) => log.clock_jump_s.filter(|jump| jump.is_finite()).unwrap_or(0.0),
            _ => 0.0,
        }
    }
}

/// By hand, because what serde derives for `flatten` and `tag` buffers all keys of an event before it reads one, and a user
/// waits while a journal of a million lines is opened. The writer puts `seq`, `time` and `event` first, so that the event's
/// keys can be read as they come.
impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Keys)
    }
}

struct Keys;

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Visitor<'de> for Keys {
    type Value = Record;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a line of a journal")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut keys: A) -> Result<Record, A::Error> {
        let (mut seq, mut time) = (None, None);
        while let Some(Text(key)) = keys.next_key()? {
            match (&*key, seq, time) {
                ("seq", ..) => seq = Some(keys.next_value()?),
                ("time", ..) => time = Some(keys.next_value()?),
                ("event", Some(seq), Some(time)) => {
                    let Text(kind) = keys.next_value()?;
                    let event = Event::read(&kind, MapAccessDeserializer::new(keys))?;
                    return Ok(Record::new(seq, time, event));
                }
                _ => {
                    let first = (key.into_owned(), keys.next_value()?);
                    return in_any_order(seq, time, first, keys);
                }
            }
        }
        Err(A::Error::missing_field(match (seq, time) {
            (None, _) => "seq",
            (_, None) => "time",
            _ => "event",
        }))
    }
}

/// The record of a line whose keys another program has put in another order.
fn in_any_order<'de, A: MapAccess<'de>>(
    seq: Option<u64>,
    time: Option<f64>,
    first: (String, Value),
    mut rest: A,
) -> Result<Record, A::Error> {
    #[derive(Deserialize)]
    struct Head {
        seq: u64,
        time: f64,
        event: String,
    }

    let known = [("seq", seq.map(Value::from)), ("time", time.map(Value::from))];
    let known = known
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)));
    let mut keys: Map<String, Value> = known.chain([first]).collect();
    while let Some((key, value)) = rest.next_entry()? {
        keys.insert(key, value);
    }
    let line = Value::Object(keys);
    let Head { seq, time, event } = Head::deserialize(&line).map_err(A::Error::custom)?;
    let event = Event::read(&event, &line).map_err(A::Error::custom)?;
    Ok(Record::new(seq, time, event))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::session::{Log, Stage, Step};

    fn step(cache_hits: Option<f64>) -> Record {
        let event = Event::Step(Step {
            epoch: 0.25,
            grad_norm: 0.1 + 0.2,
            samples_per_s: 31.5,
            cache_hits,
            ..crate::made_up::step(Stage::Aspects, 12, f64::NAN)
        });
        Record::new(40, 1_763_000_000.125, event)
    }

    #[test]
    fn a_line_is_read_as_it_was_written_whatever_the_order_of_its_keys() {
        let text = "{\"seq\":1,\"event\":\"step\"}";
        let log = Event::Log(Log::new(text));
        let log = Record::new(UNKEPT, 0.1, log);
        for record in [step(None), step(Some(0.75)), log] {
            let line = serde_json::to_string(&record).unwrap();
            let read: Record = serde_json::from_str(&line).unwrap();
            // NaN is not equal to itself.
            assert_eq!(format!("{read:?}"), format!("{record:?}"));
            let keys: Map<String, Value> = serde_json::from_str(&line).unwrap();
            for turn in 0..keys.len() {
                let turned = keys.iter().cycle().skip(turn).take(keys.len());
                let turned: Map<String, Value> = turned.map(|(key, value)| (key.clone(), value.clone())).collect();
                let line = serde_json::to_string(&turned).unwrap();
                let read: Record = serde_json::from_str(&line).unwrap();
                assert_eq!(format!("{read:?}"), format!("{record:?}"), "{line}");
            }
        }
    }

    #[test]
    fn a_line_without_a_key_is_refused_by_that_key() {
        let refused = |line: &Value| serde_json::from_value::<Record>(line.clone()).unwrap_err().to_string();
        for (line, names) in [
            (json!({}), "`seq`"),
            (json!({"seq": 1}), "`time`"),
            (json!({"event": "log", "text": "a", "time": 1.0}), "`seq`"),
            (json!({"seq": 1, "event": "log", "text": "a"}), "`time`"),
            (json!({"seq": 1, "time": 1.0}), "`event`"),
            (json!({"seq": 1, "time": 1.0, "event": "log"}), "`text`"),
            (json!({"seq": 1, "time": 1.0, "event": "lag"}), "unknown variant `lag`"),
            (json!({"seq": -1, "time": 1.0, "event": "log", "text": "a"}), "u64"),
        ] {
            let reason = refused(&line);
            assert!(reason.contains(names), "{line}: {reason}");
        }
    }

    #[test]
    fn every_kind_of_event_is_read_back() {
        let line = |kind: &str| json!({"seq": 0, "time": 0.0, "event": kind});
        for kind in Event::KINDS {
            let reason = serde_json::from_value::<Record>(line(kind)).unwrap_err().to_string();
            assert!(reason.contains("missing field"), "{kind}: {reason}");
        }
    }
}
