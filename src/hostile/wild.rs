//! Well-formed JSON with arbitrary values: extreme numbers, texts that control terminals, other types.

use std::fmt;

use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};

use super::TEXTS;

/// Documents, printed as lines of JSON if a test fails.
#[derive(Clone)]
pub struct Wild(pub Vec<Value>);

impl fmt::Debug for Wild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|document| write!(f, "\n{document}"))
    }
}

/// The documents with up to a dozen of their values replaced.
pub fn wild(documents: Vec<Value>) -> impl Strategy<Value = Wild> {
    let change = (any::<Index>(), any::<Index>(), value());
    prop::collection::vec(change, 1..12).prop_map(move |changes| {
        let mut documents = documents.clone();
        for (document, place, value) in changes {
            let at = document.index(documents.len());
            let document = &mut documents[at];
            let mut places = Vec::new();
            collect(document, "", &mut places);
            if let Some(place) = document.pointer_mut(&places[place.index(places.len())]) {
                *place = value;
            }
        }
        Wild(documents)
    })
}

fn value() -> impl Strategy<Value = Value> {
    let whole = [0, 1, 2, 7, u64::from(u32::MAX), i64::MAX.cast_unsigned(), u64::MAX];
    let real = [-1.0, 0.5, 1e-308, 1e9, 1.8e19, 1e308, -1e308];
    prop_oneof![
        4 => prop::sample::select(whole.to_vec()).prop_map(Value::from),
        4 => prop::sample::select(real.to_vec()).prop_map(Value::from),
        3 => prop::sample::select(TEXTS.to_vec()).prop_map(Value::from),
        1 => prop::sample::select(vec![json!(null), json!(""), json!([]), json!({}), json!(true), json!("../x")]),
    ]
}

/// The places of all values, as JSON pointers.
fn collect(value: &Value, at: &str, into: &mut Vec<String>) {
    into.push(at.to_owned());
    match value {
        Value::Array(items) => (0..)
            .zip(items)
            .for_each(|(n, item)| collect(item, &format!("{at}/{n}"), into)),
        Value::Object(entries) => {
            for (key, value) in entries {
                let key = key.replace('~', "~0").replace('/', "~1");
                collect(value, &format!("{at}/{key}"), into);
            }
        }
        _ => {}
    }
}
