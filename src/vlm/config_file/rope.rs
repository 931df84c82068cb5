//! The rotary embedding settings of a language model: `rope_scaling` with `rope_theta` next to it, or the
//! `rope_parameters` of transformers 5.

use serde_json::{Map, Value};

use super::keys::{Keys, shown};

/// The rotary embedding's settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Rope {
    pub theta: f64,
    /// The numbers of angles for time, height and width, if the file states them.
    pub sections: Option<[usize; 3]>,
}

/// Bounds of the base: 1 would rotate nothing, and no model's base exceeds the upper one.
const THETA: (f64, f64) = (1.0, 1e12);

/// Kinds of scaling that do not change the angles.
const PLAIN: [&str; 2] = ["default", "mrope"];

/// Reads the settings from all places of `keys`.
///
/// # Errors
/// A message for an unsupported kind of scaling (YaRN, linear, ...), for a base out of range, and for places that do
/// not agree.
pub fn read(keys: &Keys, default_theta: f64) -> Result<Rope, String> {
    let mut objects = keys.objects("rope_parameters")?;
    objects.extend(keys.objects("rope_scaling")?);
    let mut theta: Option<f64> = None;
    let mut sections = None;
    for (name, object) in objects {
        let object = of_full_attention(object);
        for key in ["rope_type", "type"] {
            match object.get(key).filter(|kind| !kind.is_null()) {
                Some(kind) if !kind.as_str().is_some_and(|kind| PLAIN.contains(&kind)) => {
                    return Err(format!(
                        "`{name}.{key}` is {}, but only `default` and `mrope` are supported; if the model was not \
                         trained with it, remove the key",
                        shown(kind)
                    ));
                }
                _ => {}
            }
        }
        if let Some(found) = object.get("mrope_section").filter(|found| !found.is_null()) {
            let three: [usize; 3] = serde_json::from_value(found.clone()).map_err(|_| {
                format!(
                    "`{name}.mrope_section` is {}, and should be three whole numbers",
                    shown(found)
                )
            })?;
            if sections.is_some_and(|before| before != three) {
                return Err(format!(
                    "`{name}.mrope_section` is {} and {:?} in another place; correct the one that is wrong",
                    shown(found),
                    sections.unwrap_or_default()
                ));
            }
            sections = Some(three);
        }
        if let Some(found) = object.get("rope_theta").filter(|found| !found.is_null()) {
            let root = Map::from_iter([("rope_theta".to_owned(), found.clone())]);
            let found = Keys::new(&root, &[""]).number("rope_theta", THETA, default_theta)?;
            if let Some(before) = theta.filter(|before| before.total_cmp(&found).is_ne()) {
                return Err(disagree(found, before));
            }
            theta = Some(found);
        }
    }
    let beside = keys.number("rope_theta", THETA, theta.unwrap_or(default_theta))?;
    match theta {
        Some(theta) if theta.total_cmp(&beside).is_ne() => Err(disagree(beside, theta)),
        _ => Ok(Rope {
            theta: beside,
            sections,
        }),
    }
}

fn disagree(one: f64, other: f64) -> String {
    format!("`rope_theta` is {one} in one place and {other} in another; correct the one that is wrong")
}

/// transformers 5 may store separate parameters for each kind of layer; full attention's are used.
fn of_full_attention(object: &Map<String, Value>) -> &Map<String, Value> {
    object
        .get("full_attention")
        .and_then(Value::as_object)
        .unwrap_or(object)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Keys, Rope, read};

    fn rope(value: &Value) -> Result<Rope, String> {
        read(&Keys::new(value.as_object().unwrap(), &["text_config", ""]), 1e6)
    }

    #[test]
    fn all_versions_of_the_file_give_the_same() {
        let wanted = Rope {
            theta: 5e5,
            sections: Some([2, 3, 3]),
        };
        for value in [
            json!({"rope_theta": 500_000, "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]}}),
            json!({"rope_theta": 5e5, "text_config": {"rope_scaling": {"rope_type": "default", "type": "default", "mrope_section": [2, 3, 3]}}}),
            json!({"text_config": {"rope_parameters": {"rope_theta": 5e5, "rope_type": "default", "type": "mrope", "mrope_section": [2, 3, 3]}}}),
            json!({"rope_parameters": {"full_attention": {"rope_theta": 5e5, "mrope_section": [2, 3, 3]}}, "rope_theta": 5e5}),
        ] {
            assert_eq!(rope(&value).unwrap(), wanted, "{value}");
        }
        let left_out = rope(&json!({"rope_scaling": null})).unwrap();
        assert_eq!((left_out.theta.to_bits(), left_out.sections), (1e6f64.to_bits(), None));
    }

    #[test]
    fn unsupported_rotary_settings_are_refused() {
        for (value, said) in [
            (json!({"rope_scaling": {"type": "yarn", "factor": 4.0}}), "yarn"),
            (json!({"rope_parameters": {"rope_type": "linear"}}), "linear"),
            (json!({"rope_theta": 0}), "`rope_theta` is 0"),
            (json!({"rope_theta": -1e4}), "`rope_theta`"),
            (json!({"rope_parameters": {"rope_theta": 0.0}}), "`rope_theta` is 0.0"),
            (
                json!({"rope_parameters": {"rope_theta": 1e4}, "rope_theta": 1e6}),
                "in another",
            ),
            (
                json!({"rope_scaling": {"mrope_section": [1, 2]}}),
                "three whole numbers",
            ),
            (
                json!({"rope_scaling": {"mrope_section": [1, 2, 3]}, "rope_parameters": {"mrope_section": [2, 2, 3]}}),
                "mrope_section",
            ),
            (json!({"rope_scaling": "yarn"}), "`rope_scaling` is \"yarn\""),
            (json!({"rope_parameters": [1]}), "`rope_parameters` is [1]"),
            (
                json!({"text_config": {"rope_scaling": {"type": "mrope"}}, "rope_scaling": {"type": "yarn"}}),
                "`rope_scaling.type` is \"yarn\"",
            ),
            (
                json!({"text_config": {"rope_parameters": {"rope_theta": 1e4}}, "rope_parameters": {"rope_theta": 1e6}}),
                "in another",
            ),
            (
                json!({"text_config": {"rope_scaling": {"mrope_section": [1, 2, 3]}}, "rope_scaling": {"mrope_section": [3, 2, 1]}}),
                "[3,2,1] and [1, 2, 3]",
            ),
        ] {
            let error = rope(&value).unwrap_err();
            assert!(error.contains(said), "{value}: {error}");
        }
    }
}
