//! Config files and `--set` from anywhere: settings or a sentence, in bounded memory.

use std::fs;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::hostile::{changed, config, is_sentence, measured};

/// The most memory that a file may take: the parser keeps an event for each value.
const fn room(bytes: usize) -> usize {
    500 * bytes + (4 << 20)
}

fn load_bytes(bytes: &[u8]) -> Result<Loaded, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my.yaml");
    fs::write(&path, bytes).unwrap();
    let (loaded, most) = measured(|| {
        load(Sources {
            config: ConfigFile::Named(path),
            ..Sources::default()
        })
    });
    assert!(most < room(bytes.len()), "{most} bytes for {}", bytes.len());
    loaded
}

fn refused(text: &str) -> String {
    let error = load_bytes(text.as_bytes()).unwrap_err().to_string();
    assert!(is_sentence(&error), "{error:?}");
    error
}

fn files() -> Vec<Vec<u8>> {
    let flow = r#"{train: &t {learning_rate: 1.0e-4, "batch_size": 4, prompt: {epochs: 2}}, data: {root: "./a\u0041", val_fraction: 0.2},
        aspects: {views: [scene, object]}, session: {name: run}}"#;
    let alias = "train:\n  aspects: &s\n    epochs: 2\n    seed: 7\n  prompt: *s\nmodel: {path: ~, dtype: bf16}\n";
    let shipped = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/config.yaml")).unwrap();
    vec![shipped, flow.into(), alias.into()]
}

/// The settings that a session records: where it lies and how a screen looks is not the record's to say.
fn recorded(settings: &Settings) -> Value {
    let mut record = settings.to_record();
    for section in ["session", "tui"] {
        record.as_object_mut().unwrap().remove(section);
    }
    record
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_changed_file_gives_settings_that_come_back_from_their_record_or_a_sentence(bytes in changed(files())) {
        match load_bytes(&bytes) {
            Err(error) => prop_assert!(is_sentence(&error.to_string()), "{:?}", error.to_string()),
            Ok(Loaded { settings, notices }) => {
                prop_assert!(notices.iter().all(|notice| is_sentence(notice)), "{notices:?}");
                let record = Record { name: "a record".into(), settings: settings.to_record() };
                let sources = Sources { record: Some(record), config: ConfigFile::None, ..Sources::default() };
                prop_assert_eq!(recorded(&load(sources)?.settings), recorded(&settings));
            }
        }
    }

    #[test]
    fn any_set_gives_settings_or_a_sentence(
        key in prop_oneof![Just("train.epochs".to_owned()), Just("data.root".to_owned()), "[a-z.]{0,20}", "(?s).{0,20}"],
        value in prop_oneof!["[0-9.e+-]{0,12}", "(?s).{0,30}", Just("[".repeat(500))],
    ) {
        let sources = Sources { config: ConfigFile::None, set: vec![format!("{key}={value}")], ..Sources::default() };
        if let Err(error) = load(sources) {
            prop_assert!(is_sentence(&error.to_string()), "{:?}", error.to_string());
        }
    }
}

#[test]
fn aliases_that_unfold_are_refused() {
    // 220 KB that would become 4 GB: few enough jumps for the parser's own bound.
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), "*a,".repeat(40_000));
    assert!(refused(&long).contains("unfold"));
    let wide = format!("a: &a [{}]\nb: [{}]\n", "1,".repeat(50_000), "*a,".repeat(40_000));
    assert!(refused(&wide).contains("unfold"));
    let level = |n: usize| format!("l{n}: &l{n} [{}]\n", format!("*l{},", n - 1).repeat(9));
    let laughs = format!("l0: &l0 [lol]\n{}", (1..30).map(level).collect::<String>());
    assert!(!refused(&laughs).is_empty());
}

#[test]
fn deep_nesting_is_refused() {
    for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", "")] {
        for depth in [200, 20_000] {
            let text = format!(
                "train: {}\n{}{}\n",
                if open.ends_with(' ') { "\n" } else { "" },
                open.repeat(depth),
                close.repeat(depth)
            );
            assert!(!refused(&text).is_empty());
        }
    }
}

#[test]
fn a_file_that_is_no_config_by_its_size_or_kind_is_refused() {
    let error = refused(&format!("# {}\n", "x".repeat(2 << 20)));
    assert!(error.contains("larger than"), "{error}");
    for path in ["/dev/zero", "/"] {
        let sources = Sources {
            config: ConfigFile::Named(path.into()),
            ..Sources::default()
        };
        assert!(matches!(load(sources), Err(ConfigError::Read { .. })), "{path}");
    }
}
