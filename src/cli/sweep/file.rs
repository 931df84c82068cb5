//! The file of a sweep: which settings vary, and what all runs have in common.
//!
//! ```yaml
//! vary:
//!   lr: [1e-3, 3e-3]
//!   aspects.views: [[scene], [scene, object]]
//! seeds: 3
//! shots: [1, 4, 16]
//! set:
//!   train.batch_size: 4
//! stage: both
//! ```

use std::path::Path;

use clap::ValueEnum;
use serde_json::{Map, Value};

use super::varied::{Varied, check, set};
use crate::bounded_file::read_text;
use crate::cli::args::StageChoice;
use crate::cli::failure::Failure;
use crate::config::yaml;
use crate::printable::{printable, printable_path};

/// No file is longer: the parser takes some 500 bytes for each of its bytes.
const MAX_FILE_BYTES: u64 = 256 << 10;

const KEYS: [&str; 5] = ["vary", "seeds", "shots", "set", "stage"];

/// The setting that `shots` varies.
pub const SHOTS: &str = "data.shots";

/// What a file says.
#[derive(Debug, Default)]
pub struct SweepFile {
    pub vary: Vec<Varied>,
    pub seeds: Option<u64>,
    pub shots: Option<Varied>,
    /// As after `--set`.
    pub set: Vec<String>,
    pub stage: Option<StageChoice>,
}

impl SweepFile {
    /// Reads a file.
    ///
    /// # Errors
    /// A file that cannot be read, an unknown key, a value that is not allowed; with the line.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = read_text(path, MAX_FILE_BYTES)
            .map_err(|error| Failure::usage(format!("--file {}: {error}", printable_path(path))))?;
        Self::parse(&printable_path(path), &text)
    }

    fn parse(name: &str, text: &str) -> Result<Self, Failure> {
        let at = |key: &str| match yaml::line_of(text, key) {
            Some(line) => format!("{name}, line {line}"),
            None => name.to_owned(),
        };
        let refused = |key: &str, said: &str| Failure::usage(format!("{}: {said}", at(key)));
        let tree = yaml::parse(text).map_err(|error| match error.location() {
            Some(place) => Failure::usage(format!("{name}, line {}: {error}", place.line())),
            None => Failure::usage(format!("{name}: {error}")),
        })?;
        let mut found = Self::default();
        for (key, value) in &section(&tree).ok_or_else(|| refused("", "a sweep's file holds keys with values"))? {
            match key.as_str() {
                "vary" => {
                    let said = "`vary` holds settings, each with a list of values, such as `lr: [1e-3, 3e-3]`";
                    for (name, values) in section(value).ok_or_else(|| refused(key, said))? {
                        let path = format!("{key}.{name}");
                        let Value::Array(values) = values else {
                            return Err(refused(&path, said));
                        };
                        found.vary.push(Varied::new(&at(&path), &name, values)?);
                    }
                }
                "seeds" => {
                    let seeds = value.as_u64().filter(|&seeds| seeds > 0);
                    let said = format!("`seeds` is {}; allowed is a whole number of at least 1", shown(value));
                    found.seeds = Some(seeds.ok_or_else(|| refused(key, &said))?);
                }
                "shots" => {
                    let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
                    found.shots = Some(Varied::new(&at(key), SHOTS, values)?);
                }
                "set" => {
                    let said = "`set` holds settings with their values, such as `train.batch_size: 4`";
                    for (name, value) in section(value).ok_or_else(|| refused(key, said))? {
                        let one = set(&name, &value);
                        check(&at(&format!("{key}.{name}")), &one)?;
                        found.set.push(one);
                    }
                }
                "stage" => {
                    let stage = value.as_str().and_then(|name| StageChoice::from_str(name, false).ok());
                    let said = format!("`stage` is {}; allowed is one of aspects, prompt, both", shown(value));
                    found.stage = Some(stage.ok_or_else(|| refused(key, &said))?);
                }
                unknown => {
                    let likeness = |known: &&str| strsim::jaro_winkler(unknown, known);
                    let nearest = KEYS.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
                    let said = format!(
                        "a sweep's file has no key `{}`; the nearest known one is `{}`. Settings stand under `set` or `vary`",
                        shown(&unknown.into()).trim_matches('"'),
                        nearest.unwrap_or_default()
                    );
                    return Err(refused(key, &said));
                }
            }
        }
        Ok(found)
    }
}

/// A mapping's entries; none where nothing is said.
fn section(value: &Value) -> Option<Map<String, Value>> {
    match value {
        Value::Null => Some(Map::new()),
        Value::Object(entries) => Some(entries.clone()),
        _ => None,
    }
}

/// A value as a message shows it.
fn shown(value: &Value) -> String {
    const MOST: usize = 80;
    printable(&value.to_string()).chars().take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::hostile::{changed, config, is_sentence};

    const WHOLE: &str = "vary:\n  lr: [1e-3, 3e-3]\n  aspects.views: [[scene], [scene, object]]\nseeds: 3\nshots: [1, 4]\n\
        set:\n  train.batch_size: 4\n  train: { epochs: 2 }\nstage: prompt\n";

    #[test]
    fn a_file_says_what_the_flags_say() {
        let file = SweepFile::parse("s.yaml", WHOLE).unwrap();
        let vary: Vec<_> = file
            .vary
            .iter()
            .map(|varied| (varied.key.as_str(), json!(varied.values)))
            .collect();
        let views = json!([["scene"], ["scene", "object"]]);
        assert_eq!(
            vary,
            [
                ("train.prompt.learning_rate", json!([0.001, 0.003])),
                ("aspects.views", views)
            ]
        );
        assert_eq!((file.seeds, file.stage), (Some(3), Some(StageChoice::Prompt)));
        assert_eq!(file.shots.unwrap().values, [json!(1), json!(4)]);
        assert_eq!(file.set, ["train.batch_size=4", "train={\"epochs\":2}"]);
        assert!(SweepFile::parse("s.yaml", "# nothing\n").unwrap().vary.is_empty());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, said) in [
            ("a list", "s.yaml: a sweep's file holds keys"),
            (
                "seeds: 1\nvari:\n  lr: [1]\n",
                "s.yaml, line 2: a sweep's file has no key `vari`; the nearest known one is `vary`",
            ),
            (
                "vary:\n  lr: [1e-3]\n  lrr: [1]\n",
                "s.yaml, line 3: there is no setting `lrr`",
            ),
            (
                "vary:\n  train.epochs: [1, 0]\n",
                "s.yaml, line 2: `train.epochs` is 0; allowed is",
            ),
            ("vary:\n  train.epochs: 1\n", "s.yaml, line 2: `vary` holds settings"),
            ("vary: 3\n", "s.yaml, line 1: `vary` holds settings"),
            ("seeds: 0\n", "`seeds` is 0"),
            ("shots: [0]\n", "`data.shots` is 0"),
            (
                "set:\n  train.epoch: 1\n",
                "s.yaml, line 2: there is no setting `train.epoch`",
            ),
            ("stage: all\n", "`stage` is \"all\""),
            ("seeds: 1\nseeds: 2\n", "line 2"),
        ] {
            let error = SweepFile::parse("s.yaml", text).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(said), "{text:?}: {error}");
        }
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn a_changed_file_is_read_or_refused_with_a_sentence(bytes in changed(vec![WHOLE.into()])) {
            let text = String::from_utf8_lossy(&bytes);
            if let Err(error) = SweepFile::parse("s.yaml", &text) {
                prop_assert!(is_sentence(&error.to_string()), "{:?}", error.to_string());
            }
        }
    }
}
